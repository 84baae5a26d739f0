import os

from settings import BROKER


def log_path(environ: "os._Environ[str]", request):
    """Paths come from the request, never from os.environ."""
    return os.path.join(environ["LOGS"], request.environ["REMOTE_USER"], BROKER)
