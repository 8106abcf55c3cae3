"""The peer as a server of its own: django-helpdesk on SQLite. Runs in the environment that peer.py makes."""

from __future__ import annotations

import sys
from types import ModuleType

import django  # type: ignore[import-not-found]  # in the peer's environment only
import waitress  # type: ignore[import-untyped]  # publishes no types
from django.conf import settings  # type: ignore[import-not-found]  # in the peer's environment only
from django.core.management import call_command  # type: ignore[import-not-found]  # in the peer's environment only
from django.core.wsgi import get_wsgi_application  # type: ignore[import-not-found]  # in the peer's environment only
from django.urls import include, path  # type: ignore[import-not-found]  # in the peer's environment only

APPS = ("auth", "contenttypes", "sessions", "sites", "humanize", "messages", "admin")
MIDDLEWARE = (
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
)
CONTEXT = ("django.contrib.auth.context_processors.auth", "django.contrib.messages.context_processors.messages")


def configure(folder: str) -> None:
    """Configure it for production, but without mail: its notices are not measured here."""
    settings.configure(
        ALLOWED_HOSTS=["127.0.0.1"],
        SECRET_KEY="bench",
        ROOT_URLCONF="helpdesk_routes",
        INSTALLED_APPS=[*(f"django.contrib.{name}" for name in APPS), "rest_framework", "helpdesk"],
        MIDDLEWARE=MIDDLEWARE,
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {"context_processors": [*CONTEXT, "django.template.context_processors.request"]},
            }
        ],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": f"{folder}/helpdesk.db",
                "OPTIONS": {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL"},
                "CONN_MAX_AGE": None,
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        EMAIL_BACKEND="django.core.mail.backends.dummy.EmailBackend",
        MEDIA_ROOT=folder,
        SITE_ID=1,
        STATIC_URL="/static/",
        USE_TZ=True,
        HELPDESK_TEAMS_MODE_ENABLED=False,
    )


def main(folder: str) -> None:
    configure(folder)
    routes = sys.modules["helpdesk_routes"] = ModuleType("helpdesk_routes")
    django.setup()
    routes.urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]  # type: ignore[attr-defined]  # a module made at run time
    call_command("migrate", verbosity=0)
    call_command("loaddata", "emailtemplate.json", verbosity=0)
    queues = __import__("helpdesk.models", fromlist=["Queue"]).Queue.objects
    queues.create(title="Complaints", slug="complaints", allow_public_submission=True)
    # One thread: four of them only wait for each other's SQLite lock.
    server = waitress.create_server(get_wsgi_application(), listen="127.0.0.1:0", threads=1, connection_limit=200)
    print(f"http://127.0.0.1:{server.effective_port}/tickets/submit/", flush=True)
    server.run()


if __name__ == "__main__":
    main(sys.argv[1])
