def ignore(event):
    pass


def test_listeners_are_told(bus):
    bus.listen(ignore)
    assert bus.listeners == [ignore]
