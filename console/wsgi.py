"""The WSGI entry point that `manage.py serve` hands to the web server."""

import gc
import importlib
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
application = get_wsgi_application()
# What is loaded by now lives as long as the process. The collector need not walk it again and again, which would
# hold up one page in twenty for 70 ms; so the pages are loaded before the first of them is asked for.
importlib.import_module("console.urls")
gc.freeze()
