class Cache:
    def __init__(self, client):
        self._client = client

    def get(self, key):
        return self._client.get(key)

    def put(self, key, value):
        self._client.set(key, value)
