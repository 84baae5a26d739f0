"""Committed changes take effect in memory: first in the engine, in a thread, then in the records, in one go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sfm.store.plan import Plan
from sfm.store.restore import Spaces
from sfm.store.rows import MemoryRow
from sfm.store.state import Record, State, Tenant


@dataclass
class Applier:
    """Brings a state from before a plan to after it.

    Attributes:
        done: called at the end with the plan.
    """

    state: State
    spaces: Spaces
    done: Callable[[Plan], None]
    _new: dict[str, Tenant] = field(default_factory=dict)

    def engine(self, plan: Plan) -> None:
        """Change the spaces. Searches go on with the views that they have."""
        by_tenant: dict[str, list[MemoryRow]] = {}
        for row in plan.memories.values():
            by_tenant.setdefault(row.tenant, []).append(row)
        for name, rows in by_tenant.items():
            tenant = self.state.tenants.get(name) or self._new.setdefault(name, Tenant(name, self.spaces.make()))
            for row in rows:
                if row.deleted:
                    tenant.space.delete(row.id)
            stored = [row for row in rows if not row.deleted]
            vectors = np.frombuffer(b"".join(row.vector for row in stored), "<f4").reshape(-1, self.spaces.dimension)
            self.spaces.put(tenant.space, [row.id for row in stored], vectors, [Record.of(row) for row in stored])

    def records(self, plan: Plan) -> None:
        """Change everything else and let new searches see all of it."""
        tenants = self.state.tenants
        tenants.update(self._new)
        self._new.clear()
        for name, row in plan.memories.items():
            tenant = tenants[name[0]]
            if row.deleted:
                tenant.delete(row.id, row.sequence)
            else:
                tenant.put(row.id, Record.of(row))
        for access in plan.accesses.values():
            tenants[access.tenant].persist(access)
        for changed in plan.tenants.values():
            tenant = tenants[changed.tenant]
            tenant.sequence, tenant.position, tenant.checksum = changed.sequence, changed.position, changed.checksum
            tenant.publish()
        if plan.events:
            self.state.waiting += len(plan.events)
            self.state.noted = plan.events[-1].position
        if plan.published:
            self.state.waiting -= plan.published.count
            self.state.published = plan.published.position
        self.state.head = plan.after
        self.done(plan)
