import os

from pydantic_settings import BaseSettings

BROKER = os.environ["BROKER"]


class Options(BaseSettings):
    depth: int
