"""
Django's settings, every one read from the environment; `docs/reference/settings.md` lists them.

A missing or malformed variable stops the start with a sentence that names it (`console/env.py`).
"""

from __future__ import annotations

import ipaddress
import sys
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from console.env import Environment, parse_database_url, parse_vault_keys
from registries.editions import parse_quotas

BASE_DIR = Path(__file__).resolve().parent.parent
env = Environment()

DEBUG = env.boolean("DEBUG")
DATA_DIR = Path(env.text("DATA_DIR", str(BASE_DIR / "var"))).resolve()
MAINTENANCE = env.boolean("MAINTENANCE")
BASE_URL = env.text("BASE_URL", "http://127.0.0.1:8080").rstrip("/")
IS_SECURE = urlsplit(BASE_URL).scheme == "https"
if urlsplit(BASE_URL).scheme not in {"http", "https"} or not urlsplit(BASE_URL).hostname:
    raise ImproperlyConfigured("REGATTA_BASE_URL must be an address such as https://regatta.example.org.")

SECRET_KEY = env.secret("SECRET_KEY", generated_at=DATA_DIR / "secret_key" if DEBUG else None)
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
VAULT_KEYS = parse_vault_keys(
    env.secret("VAULT_KEYS", generated_at=DATA_DIR / "vault_keys" if DEBUG else None),
    name="REGATTA_VAULT_KEYS",
)
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", f"{urlsplit(BASE_URL).hostname},127.0.0.1,localhost")
CSRF_TRUSTED_ORIGINS = [BASE_URL]

try:
    ALLOWED_NETWORKS = [ipaddress.ip_network(word) for word in env.words("ALLOWED_NETWORKS")]
except ValueError as error:
    raise ImproperlyConfigured(f"REGATTA_ALLOWED_NETWORKS: {error}.") from None

try:
    QUOTAS = parse_quotas(env.words("QUOTAS"))
except ValueError as error:
    raise ImproperlyConfigured(f"REGATTA_QUOTAS: {error}.") from None

MAINLAND_HONGKONG = env.boolean("MAINLAND_HONGKONG", default=True)

WORKER_PROCESSES = env.integer("WORKER_PROCESSES", 2, minimum=1)
WORKER_GRACE_SECONDS = env.integer("WORKER_GRACE_SECONDS", 60, minimum=1)
ACCOUNT_JOBS = env.integer("ACCOUNT_JOBS", 0)
REGISTRY_JOBS = env.integer("REGISTRY_JOBS", 0)
DRAIN_FLAG = env.text("DRAIN_FLAG", str(DATA_DIR / "drain"))
HOOKS_PER_MINUTE = env.integer("HOOKS_PER_MINUTE", 6000)
API_PER_MINUTE = env.integer("API_PER_MINUTE", 1200)
CLOUD_PER_MINUTE = env.integer("CLOUD_PER_MINUTE", 3000)
METRICS_TOKEN = env.find("METRICS_TOKEN") or ""
LISTEN = env.text("LISTEN", "127.0.0.1:8080")
KEEP_EXECUTIONS = env.integer("KEEP_EXECUTIONS", 1000, minimum=1)
KEEP_DAYS = env.integer("KEEP_DAYS", 90, minimum=1)
AUDIT_DAYS = env.integer("AUDIT_DAYS", 365, minimum=1)
LOG_FORMAT = env.text("LOG_FORMAT", "text")
if LOG_FORMAT not in {"text", "json"}:
    raise ImproperlyConfigured("REGATTA_LOG_FORMAT must be text or json.")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django_htmx",
    "django_q",
    "rest_framework",
    "drf_spectacular",
    "registries",
    "syncjobs",
    "console",
]

MIDDLEWARE = [
    "console.shared.request_id.RequestIdMiddleware",
    "console.cloud.middleware.CloudMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "console.shared.security.ContentSecurityPolicyMiddleware",
    "console.shared.body_limit.BodyLimitMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "console.shared.maintenance.MaintenanceMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "console.shared.sessions.SignInMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "console.shared.preferences.PreferencesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "console.urls"
WSGI_APPLICATION = "console.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "console.shared.nav.navigation",
            ],
            "builtins": ["console.shared.templatetags.regatta"],
        },
    }
]

DATABASES = {
    "default": parse_database_url(
        env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'regatta.sqlite3'}"), name="REGATTA_DATABASE_URL"
    )
}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "registries.User"
AUTHENTICATION_BACKENDS = ["console.shared.access.AccountBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("username", "login", "email")},
    },
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "session:sign_in"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "session:sign_in"

SESSION_COOKIE_NAME = "regatta_session"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = IS_SECURE
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_NAME = "regatta_csrf"
CSRF_COOKIE_SECURE = IS_SECURE
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "console.shared.errors.csrf_failure"
SECURE_SSL_REDIRECT = IS_SECURE and env.boolean("SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31_536_000 if IS_SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_SECURE
SECURE_HSTS_PRELOAD = IS_SECURE
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.boolean("TRUST_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "console" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = env.text("TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG or "pytest" in sys.modules
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if WHITENOISE_USE_FINDERS
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

Q_CLUSTER = {
    # Every value follows from a crash test: design/workers.md item 5, docs/adr/0003.
    "name": "regatta",
    "orm": "default",
    "broker_class": "syncjobs.queue.DoorbellBroker",
    "workers": WORKER_PROCESSES,
    "queue_limit": 1,
    "bulk": 1,
    "timeout": 21_600,
    "retry": 22_200,
    "ack_failures": True,
    "max_attempts": 1,
    "save_limit": -1,
    "catch_up": False,
    "poll": 0.5,
    "recycle": 200,
    "max_rss": 1_048_576,
    "guard_cycle": 1,
    "label": "Doorbells",
    "ALT_CLUSTERS": {"regatta": {}},
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "console.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticated",
        "console.api.scopes.HasScope",
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["console.api.parsers.BoundedJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "console.api.schema.Schema",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "console.api.problems.handle",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Regatta",
    "DESCRIPTION": "Synchronizes and replicates container registries. See docs/reference/rest-api.md.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "COMPONENT_SPLIT_PATCH": False,
    "PREPROCESSING_HOOKS": ["console.api.schema.only_this_version"],
    "POSTPROCESSING_HOOKS": [],
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "text": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"},
        "json": {"()": "console.shared.logs.JsonFormatter"},
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "django-q": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
    },
}
