from abc import ABC, abstractmethod


class Store(ABC):
    @abstractmethod
    def save(self, item): ...


class Plain:
    def save(self, item):
        raise NotImplementedError


class Loud(Plain):
    def save(self, item):
        item.write(self.path)
