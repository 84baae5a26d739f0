from pydantic_settings import BaseSettings


class Base(BaseSettings):
    pass


class QueueOptions(Base):
    depth: int
