class Cache:
    def get(self, key):
        return None

    def put(self, key, value):
        pass
