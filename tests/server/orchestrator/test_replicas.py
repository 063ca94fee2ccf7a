"""The choice between replicas, and their health: pure, so nothing here waits."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from bioxen.protocol.services import WorkerHealth
from bioxen.server.orchestrator.replicas import PATIENCE, SLACK, Replica, choose, places

urls = st.sampled_from([f"http://127.0.0.1:{port}" for port in range(5001, 5007)])
replicas = st.lists(
    st.builds(
        Replica,
        service=st.just("static"),
        url=urls,
        state=st.sampled_from(["unknown", "healthy", "unhealthy"]),
        in_flight=st.integers(0, 10),
    ),
    unique_by=lambda replica: replica.url,
    max_size=6,
)


@given(replicas, st.text(max_size=5))
def test_the_chosen_one_is_usable_and_hardly_busier_than_the_idlest(found: list[Replica], key: str) -> None:
    chosen = choose(found, key)
    usable = [replica for replica in found if replica.state != "unhealthy"]
    if chosen is None:
        assert not usable
        return
    healthy = [replica for replica in usable if replica.state == "healthy"]
    assert chosen in (healthy or usable)
    assert chosen.in_flight <= min(replica.in_flight for replica in healthy or usable) + SLACK


@given(replicas, st.text(max_size=5))
def test_the_order_of_the_replicas_does_not_matter(found: list[Replica], key: str) -> None:
    assert choose(found, key) == choose(found[::-1], key)


@given(st.text(max_size=5))
def test_a_model_keeps_its_replica_when_another_one_joins(key: str) -> None:
    idle = [Replica("static", f"http://127.0.0.1:{port}", "healthy") for port in range(5001, 5005)]
    before = choose(idle, key)
    after = choose([*idle, Replica("static", "http://127.0.0.1:6000", "healthy")], key)
    assert after == before or (after is not None and after.url.endswith(":6000"))


def test_models_spread_over_the_replicas() -> None:
    idle = [Replica("static", f"http://127.0.0.1:{port}", "healthy") for port in range(5001, 5005)]
    chosen = {replica.url for key in range(100) if (replica := choose(idle, str(key)))}
    assert len(chosen) == len(idle)


def test_one_failed_probe_is_no_outage() -> None:
    replica = Replica("static", "u", "healthy")
    for _ in range(PATIENCE - 1):
        replica = replica.probe_failed("slow")
        assert replica.state == "healthy"
    replica = replica.probe_failed("slow")
    assert (replica.state, replica.reason) == ("unhealthy", "slow")
    assert replica.probed().state == "healthy"


class ReplicaLife(RuleBasedStateMachine):
    """Whatever happens to a replica, its counts stay what they mean."""

    def __init__(self) -> None:
        super().__init__()
        self.replica = Replica("static", "u")
        self.sent = self.ended = 0

    @rule()
    def send(self) -> None:
        self.replica = self.replica.sent()
        self.sent += 1

    @rule(how=st.sampled_from(["returned", "lost", "dropped"]))
    def end(self, how: str) -> None:
        if self.ended == self.sent:
            return
        self.ended += 1
        ends = {
            "returned": self.replica.returned,
            "lost": lambda: self.replica.lost("refused"),
            "dropped": self.replica.dropped,
        }
        self.replica = ends[how]()
        if how == "lost":
            assert choose([self.replica], "k") is None
        if how == "returned":
            assert choose([self.replica], "k") == self.replica

    @rule(well=st.booleans())
    def probe(self, well: bool) -> None:
        self.replica = self.replica.probed() if well else self.replica.probe_failed("no")

    @invariant()
    def counts_add_up(self) -> None:
        assert self.replica.in_flight == self.sent - self.ended
        assert self.replica.answered + self.replica.failed <= self.ended
        assert self.replica == replace(self.replica)


TestReplicaLife = ReplicaLife.TestCase


def pool(size: int) -> WorkerHealth:
    return WorkerHealth(size=size, ready=size, busy=0, queued=0, queue_limit=5, replaced=0, completed=0)


def test_as_much_passes_as_keeps_the_workers_of_all_replicas_busy() -> None:
    new, small, large = (Replica("static", f"http://127.0.0.1:{port}") for port in (1, 2, 3))
    small, large = small.probed(pool(2)), large.probed(pool(8))
    assert places([new]) is None
    assert places([small]) == 2 + SLACK
    assert places([new, small, large.probe_failed("").probe_failed("")]) == 1 + 2 + 2 * SLACK
    assert places([small.lost("refused"), large]) == 8 + SLACK
    assert places([]) is None


@given(st.lists(st.integers(1, 8), min_size=1, max_size=6))
def test_where_all_places_are_taken_no_worker_is_without_work(sizes: list[int]) -> None:
    """Of one model alone, which always prefers the same replica."""
    found = {f"url {n}": Replica("static", f"url {n}").probed(pool(size)) for n, size in enumerate(sizes)}
    for _ in range(places(found.values()) or 0):
        chosen = choose(found.values(), "model")
        assert chosen is not None
        found[chosen.url] = found[chosen.url].sent()
    assert all(replica.load >= 0 for replica in found.values())
