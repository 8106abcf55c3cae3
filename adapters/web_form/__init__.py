"""The complaint form as a channel. Its pages are gateway/web/pages.py."""

from adapters.web_form.wire import WebForm

__all__ = ["WebForm"]
