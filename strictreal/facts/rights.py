"""Rules of Kubernetes' role-based access control: whether what is held is covered by what was declared. Pure."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product

Rule = Mapping[str, Sequence[str]]
EVERYBODYS: tuple[Rule, ...] = (
    {
        "verbs": ("create",),
        "apiGroups": ("authorization.k8s.io",),
        "resources": ("selfsubjectaccessreviews", "selfsubjectrulesreviews"),
    },
    {"verbs": ("create",), "apiGroups": ("authentication.k8s.io",), "resources": ("selfsubjectreviews",)},
    {
        "verbs": ("get",),
        "nonResourceURLs": (
            *("/api", "/api/*", "/apis", "/apis/*", "/healthz", "/livez", "/readyz", "/openapi", "/openapi/*"),
            *("/version", "/version/", "/.well-known/openid-configuration", "/.well-known/openid-configuration/"),
            *("/openid/v1/jwks", "/openid/v1/jwks/"),
        ),
    },
)
"""What the API server gives everybody who is known to it: the roles system:basic-user, system:discovery,
system:public-info-viewer and system:service-account-issuer-discovery."""
ALL = "*"


def beyond(held: Iterable[Rule], declared: Iterable[Rule]) -> Iterator[str]:
    """What is held and neither declared nor everybody's, in words: `delete pods in group apps`."""
    allowed = (*declared, *EVERYBODYS)
    for rule in held:
        urls = rule.get("nonResourceURLs", ())
        for verb, url in product(rule.get("verbs", ()), urls):
            if not any(_in(verb, own.get("verbs", ())) and _reached(url, own) for own in allowed):
                yield f"{verb} {url}"
        if urls:
            continue
        groups = rule.get("apiGroups", ()) or ("",)
        for verb, group, resource in product(rule.get("verbs", ()), groups, rule.get("resources", ())):
            names = rule.get("resourceNames", ())
            if not any(_gives(own, verb, group, resource, names) for own in allowed):
                named = f" {', '.join(names)}" if names else ""
                where = " in every group" if group == ALL else f" in group {group}" if group else ""
                yield f"{_word(verb, 'do everything with')} {_word(resource, 'everything')}{named}{where}"


def _word(part: str, whole: str) -> str:
    return whole if part == ALL else part


def _gives(rule: Rule, verb: str, group: str, resource: str, names: Sequence[str]) -> bool:
    """Whether a rule allows a verb on a resource; one that is bound to names allows it on those alone."""
    own = rule.get("resourceNames", ())
    return (
        _in(verb, rule.get("verbs", ()))
        and _in(group, rule.get("apiGroups", ()))
        and (
            _in(resource, rule.get("resources", ()))
            or f"{ALL}/{resource.partition('/')[2]}" in rule.get("resources", ())
        )
        and (not own or (bool(names) and set(names) <= set(own)))
    )


def _in(word: str, allowed: Sequence[str]) -> bool:
    return ALL in allowed or word in allowed


def _reached(url: str, rule: Rule) -> bool:
    return any(
        url == own or (own.endswith(ALL) and fnmatch.fnmatchcase(url, own)) for own in rule.get("nonResourceURLs", ())
    )
