"""The headers that every answer carries, by what it is. Lists of raw headers, made once."""

RawHeaders = tuple[tuple[bytes, bytes], ...]

# Sources of each: the OWASP cheat sheets on REST security and on HTTP headers. TLS, and so
# Strict-Transport-Security, is the business of whatever stands before the service.
_ALWAYS: RawHeaders = ((b"x-content-type-options", b"nosniff"),)
# Of pages: JSON leads nowhere and shows nothing. Browsers of before 2016 do not know the policy's frame-ancestors.
_OF_PAGES: RawHeaders = ((b"referrer-policy", b"no-referrer"), (b"x-frame-options", b"DENY"))
_FRESH: RawHeaders = ((b"cache-control", b"no-store"),)  # an answer is one client's, and of one moment


def _policy(*sources: str) -> RawHeaders:
    directives = ("default-src 'none'", *sources, "base-uri 'none'", "frame-ancestors 'none'")
    return ((b"content-security-policy", "; ".join(directives).encode()),)


_PAGE = ("connect-src 'self'", "img-src 'self' data:", "form-action 'self'")
API = _ALWAYS + _FRESH + _policy()
STATIC = _ALWAYS + _policy()  # the pages' own files: a browser may keep them
_BY_PATH = {
    "/": _ALWAYS + _OF_PAGES + _FRESH + _policy("script-src 'self'", "style-src 'self'", *_PAGE),
    # Swagger UI is started by a script within its page, which the library writes and no caller's words reach.
    "/docs": _ALWAYS
    + _OF_PAGES
    + _FRESH
    + _policy("script-src 'self' 'unsafe-inline'", "style-src 'self' 'unsafe-inline'", *_PAGE),
    "/docs/oauth2-redirect": _ALWAYS + _OF_PAGES + _FRESH + _policy("script-src 'unsafe-inline'"),
}
STATIC_PATHS = ("/static/", "/static-offline-docs/")  # the page's own files, and those of Swagger


def headers_of(path: str) -> RawHeaders:
    """Return the headers of an answer under a path."""
    return _BY_PATH.get(path) or (STATIC if path.startswith(STATIC_PATHS) else API)
