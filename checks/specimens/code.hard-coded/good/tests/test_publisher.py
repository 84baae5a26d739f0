from publisher import is_local


def test_loopback_is_local():
    url = "http://localhost:8080/health"
    assert is_local("localhost"), url
