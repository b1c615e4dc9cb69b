"""Where registries send their notifications."""

from django.urls import path

from console.hooks import registry

app_name = "hooks"
urlpatterns = [
    path("registries/<slug:instance_id>", registry.receive_of_instance, name="registry"),
    path("backends/<slug:backend_code>", registry.receive_of_backend, name="backend"),
]
