"""NetworkPolicies as Kubernetes means them: whether a connection is allowed. Pure.

https://kubernetes.io/docs/concepts/services-networking/network-policies/: a pod that no policy selects for a direction
takes or makes every connection; one that is selected, only those that some policy's rule names. Both ends must agree.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

End = Mapping[str, Any]
"""One end of a connection: `namespace`, `labels`, `namespace_labels`, `address`, `ports` by name. What is no pod, such as
the API server, has the namespace ""."""
Policy = tuple[str, Mapping[str, Any]]
"""The namespace of a NetworkPolicy, and its spec."""


def allowed(source: End, target: End, port: int, protocol: str, policies: Iterable[Policy]) -> bool:
    """Whether a connection from one end to a port of another may be made."""
    known = list(policies)
    arrives = _directed(target, source, target, port, protocol, known, "Ingress")
    return arrives and _directed(source, target, target, port, protocol, known, "Egress")


def _directed(
    end: End, peer: End, target: End, port: int, protocol: str, policies: list[Policy], direction: str
) -> bool:
    """Whether one end lets the connection pass, in one direction."""
    selecting = [
        spec
        for namespace, spec in policies
        if end["namespace"]
        and namespace == end["namespace"]
        and direction in types(spec)
        and selects(spec.get("podSelector") or {}, end.get("labels") or {})
    ]
    if not selecting:
        return True
    rules = [rule for spec in selecting for rule in spec.get(direction.lower()) or ()]
    peers = "from" if direction == "Ingress" else "to"
    return any(
        _peer(rule.get(peers), peer, end["namespace"]) and _port(rule.get("ports"), target, port, protocol)
        for rule in rules
    )


def types(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """The directions that a policy is for; where it does not say, Ingress, and Egress if it has rules for it."""
    said = spec.get("policyTypes")
    return tuple(said) if said else ("Ingress", "Egress") if spec.get("egress") else ("Ingress",)


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector selects what bears these labels; an empty one selects everything."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def _peer(peers: Any, end: End, home: str) -> bool:
    """Whether an end is among a rule's peers; a rule without peers means everybody."""
    return not peers or any(_one(peer, end, home) for peer in peers)


def _one(peer: Mapping[str, Any], end: End, home: str) -> bool:
    if block := peer.get("ipBlock"):
        return _inside(str(end.get("address", "")), block)
    if not end["namespace"]:
        return False
    if "namespaceSelector" in peer:
        if not selects(peer["namespaceSelector"] or {}, end.get("namespace_labels") or {}):
            return False
    elif end["namespace"] != home:
        return False
    return selects(peer.get("podSelector") or {}, end.get("labels") or {})


def _inside(address: str, block: Mapping[str, Any]) -> bool:
    try:
        found = ipaddress.ip_address(address)
        inside = found in ipaddress.ip_network(block["cidr"], strict=False)
        return inside and not any(found in ipaddress.ip_network(but, strict=False) for but in block.get("except") or ())
    except ValueError:
        return False


def _port(ports: Any, target: End, port: int, protocol: str) -> bool:
    """Whether a port is among a rule's; a rule without ports means all."""
    if not ports:
        return True
    for each in ports:
        if each.get("protocol", "TCP") != protocol:
            continue
        named = each.get("port")
        number = (target.get("ports") or {}).get(named) if isinstance(named, str) else named
        if number is None:
            if named is None:
                return True
        elif number <= port <= each.get("endPort", number):
            return True
    return False
