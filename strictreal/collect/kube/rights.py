"""What the service accounts of the releases may do: asked of the API server as each of them, beside what charts declare."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from strictreal.collect.kube.rendering import Rendered
from strictreal.collect.kube.scene import Placed, Scene, at, template
from strictreal.errors import StrictRealError
from strictreal.facts.cluster import AccountRights
from strictreal.model import Fact, Gap, Location

REVIEW = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
FIELDS = ("verbs", "apiGroups", "resources", "resourceNames", "nonResourceURLs")
ELSEWHERE = "kube-system"
"""A namespace that is no release's, where rights in all namespaces show."""
Rule = dict[str, tuple[str, ...]]


def observe(scene: Scene) -> Iterator[Fact]:
    """The rights of every service account that a release makes or its pods run as, at home and elsewhere."""
    for placed in scene.releases:
        for name, where in sorted(_accounts(placed).items()):
            for asked in dict.fromkeys((placed.release.namespace, ELSEWHERE)):
                yield _rights(scene, placed.release.namespace, name, asked, where)


def _accounts(placed: Placed) -> dict[str, Location]:
    """The service accounts of a release by name, with the template that names each."""
    namespace = placed.release.namespace
    found: dict[str, Location] = {}
    for each in placed.rendered:
        if each.value["kind"] == "ServiceAccount":
            name = each.value["metadata"]["name"]
        elif spec := template(each.value).get("spec") or {}:
            name = spec.get("serviceAccountName") or "default"
            if not isinstance(spec.get("containers"), list):
                continue
        else:
            continue
        found.setdefault(name, at(each, f"{namespace}/ServiceAccount/{name}"))
    return found


def _rights(scene: Scene, namespace: str, name: str, asked: str, where: Location) -> Fact:
    try:
        said = scene.cluster.call(
            "POST",
            REVIEW,
            body={
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SelfSubjectRulesReview",
                "spec": {"namespace": asked},
            },
            as_user=f"system:serviceaccount:{namespace}:{name}",
            as_groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
        )["status"]
    except StrictRealError as error:
        return Gap(of="AccountRights", where=where, reason=str(error))
    held = [*(said.get("resourceRules") or ()), *(said.get("nonResourceRules") or ())]
    return AccountRights(
        where=where,
        account=f"{namespace}:{name}",
        asked=asked,
        held=tuple(map(rule, held)),
        declared=tuple(declared(scene.releases, namespace, name, asked)),
        # RBAC lists all that it allows; other authorizers (the node's, webhooks) may not, and say so.
        complete=not said.get("evaluationError"),
    )


def rule(said: dict[str, Any]) -> Rule:
    """One rule as facts hold it."""
    return {field: tuple(sorted(map(str, said[field]))) for field in FIELDS if said.get(field)}


def declared(releases: tuple[Placed, ...], namespace: str, name: str, asked: str) -> Iterator[Rule]:
    """The rules that rendered roles give a service account in a namespace."""
    roles: dict[tuple[str, str, str], Rendered] = {}
    bindings: list[tuple[Placed, Rendered]] = []
    for placed in releases:
        for each in placed.of_kind("Role", "ClusterRole"):
            where = _home(placed, each) if each.value["kind"] == "Role" else ""
            roles[each.value["kind"], where, each.value["metadata"]["name"]] = each
        bindings += ((placed, each) for each in placed.of_kind("RoleBinding", "ClusterRoleBinding"))
    for placed, binding in bindings:
        home = _home(placed, binding)
        bound = binding.value["kind"] == "ClusterRoleBinding"
        if not (bound or home == asked) or not any(
            _means(subject, home, namespace, name) for subject in binding.value.get("subjects") or ()
        ):
            continue
        ref = binding.value["roleRef"]
        role = roles.get((ref["kind"], home if ref["kind"] == "Role" else "", ref["name"]))
        for each in (role.value.get("rules") or ()) if role else ():
            yield rule(each)


def _home(placed: Placed, each: Rendered) -> str:
    return str(each.value["metadata"].get("namespace") or placed.release.namespace)


def _means(subject: dict[str, Any], home: str, namespace: str, name: str) -> bool:
    """Whether a binding's subject is the service account, or a group of it."""
    if subject.get("kind") == "ServiceAccount":
        return (subject.get("namespace") or home, subject.get("name")) == (namespace, name)
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return subject.get("kind") == "Group" and subject.get("name") in groups
