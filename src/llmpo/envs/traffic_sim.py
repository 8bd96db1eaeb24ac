"""The merge that the traffic environment runs on: SUMO, its drivers and its slots.

A single-lane highway meets a single-lane ramp on which buses can be controlled. SUMO
moves the vehicles and decides who goes first where the lanes cross; everywhere else the
human drivers' accelerations come from the intelligent driver model (IDM) below.

libsumo holds one simulation per process. Whoever begins an episode takes it over, and
the episode it was taken from refuses to go on.
"""

import atexit
import math
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import gymnasium

from llmpo.sandbox.contract import FloatArray

SLOTS = 10
"""How many vehicles an action can control."""

MAX_SPEED = 30.0
"""Speed limit, m/s."""

Slots = Literal["moving", "fixed"]

_DATA = Path(__file__).with_name("data") / "traffic"
_SUBSTEP = 0.2  # s
_SUBSTEPS = 5  # a step of the environment is one second
_LOOK_AHEAD = 2000.0  # m
_MIN_GAP = 2.5  # m, of the vehicle types
_ONLY_SAFE_SPEED = 1  # SUMO's speed mode: imposed speeds are limited by safety alone
_INSIDE_JUNCTIONS = (":center_0_0", ":center_1_0", ":left_0_0", ":bottom_0_0")

# 7500 vehicles an hour from the first second on, far more than the lane takes.
_HIGHWAY_BEGIN, _HIGHWAY_PERIOD = 1.0, 3600.0 / 7500.0
_HIGHWAY_WAITING = 2

_OPTIONS = (
    *("--net-file", str(_DATA / "merge.net.xml")),
    *("--route-files", str(_DATA / "merge.rou.xml")),
    *("--step-length", str(_SUBSTEP)),
    *("--time-to-teleport", "-1"),
    *("--collision.check-junctions", "true"),
    *("--xml-validation", "never"),
    *("--no-step-log", "true"),
    *("--no-warnings", "true"),
)


@dataclass(slots=True, eq=False)
class Vehicle:
    """One vehicle in the network.

    Attributes:
        name: Its id in SUMO.
        number: Which vehicle of the episode it is, counted from 1 as they enter.
        controllable: Whether it is a bus, which a slot can control.
        speed: Speed, m/s.
        leader: The vehicle ahead of it, also across the junction.
        headway: Gap to the leader plus 2.5 m; without a leader it means nothing.
    """

    name: str
    number: int
    controllable: bool
    speed: float = 0.0
    leader: "Vehicle | None" = None
    headway: float = 0.0


class MergeEpisode:
    """An episode of merging traffic; the newest one owns the process's simulation.

    Attributes:
        vehicles: All vehicles in the network, in the order they entered.
        slots: The controlled buses: entry i of an action is for slot i.

    Args:
        seed: Decides the episode; below 2**31.
        slots: `moving` fills and closes up the slots five times a step, while an action
            is being carried out, as the published environment does; `fixed` does so
            between steps only, so that a slot keeps its vehicle.
    """

    def __init__(self, seed: int, slots: Slots = "moving") -> None:
        self._sumo = _take_over(self, seed)
        self._fixed_slots = slots == "fixed"
        self._time = 0.0
        self._entered = 0
        self._highway_added = 0
        self._highway_entered = 0
        self._vehicles: dict[str, Vehicle] = {}
        self._slots: list[Vehicle | None] = []
        self._slots_are_stale = False
        self._simulate()
        for name, route in (("first_highway", "highway"), ("first_exit", "exit")):
            self._add(name, route, position="0", speed="0")
        self._simulate()
        self._read()

    @property
    def vehicles(self) -> tuple[Vehicle, ...]:
        """All vehicles in the network, in the order they entered."""
        return tuple(self._vehicles.values())

    @property
    def slots(self) -> tuple[Vehicle, ...]:
        """The controlled buses, at most 10, in slot order."""
        return tuple(vehicle for vehicle in self._slots if vehicle is not None)

    def follower(self, vehicle: Vehicle) -> Vehicle | None:
        """Returns the closest vehicle that has this one as its leader."""
        followers = (
            other for other in self._vehicles.values() if other.leader is vehicle
        )
        return min(followers, key=lambda other: other.headway, default=None)

    def advance(self, accelerations: FloatArray) -> bool:
        """Simulates one second.

        Args:
            accelerations: m/s², for the vehicles in the slots.

        Returns:
            Whether vehicles collided, which ends the episode.

        Raises:
            ResetNeeded: Another episode has begun in this process, or this one is
                closed.
        """
        if _running is not self:
            raise gymnasium.error.ResetNeeded(
                "Stepping traffic: another traffic environment of this process began "
                "an episode, or this one was closed; there is one SUMO simulation per "
                "process. Reset this environment before stepping it, and play only "
                "one episode at a time."
            )
        wanted = accelerations.tolist()
        collided = False
        for _ in range(_SUBSTEPS):
            self._drive()
            self._control(wanted)
            if not self._fixed_slots:
                self._assign_slots()
            collided = self._simulate()
            self._read()
            if collided:
                break
        if self._fixed_slots:
            self._assign_slots()
        return collided

    def close(self) -> None:
        """Ends the simulation, unless another episode owns it by now."""
        if _running is self:
            _stop()

    def _drive(self) -> None:
        """Imposes the human drivers' accelerations, except inside junctions."""
        lanes, impose = self._sumo.lane, self._sumo.vehicle.slowDown
        inside: set[str] = set()
        for lane in _INSIDE_JUNCTIONS:
            inside.update(lanes.getLastStepVehicleIDs(lane))
        for name, vehicle in self._vehicles.items():
            if not vehicle.controllable and name not in inside:
                speed = vehicle.speed + _SUBSTEP * driver_acceleration(vehicle)
                impose(name, speed if speed > 0.0 else 0.0, 0.001)

    def _control(self, accelerations: list[float]) -> None:
        impose = self._sumo.vehicle.slowDown
        for vehicle, acceleration in zip(self._slots, accelerations, strict=False):
            if vehicle is not None:
                speed = max(vehicle.speed + _SUBSTEP * acceleration, 0.0)
                impose(vehicle.name, speed, 0.001)

    def _assign_slots(self) -> None:
        """Gives the slots to the buses that entered first."""
        if self._slots_are_stale:
            buses = [bus for bus in self._vehicles.values() if bus.controllable]
            self._slots = [*buses[:SLOTS]]
            self._slots_are_stale = False

    def _simulate(self) -> bool:
        """Lets SUMO move everything by 0.2 s; returns whether vehicles collided."""
        self._feed_highway()
        self._sumo.simulationStep()
        self._time += _SUBSTEP
        simulation = self._sumo.simulation
        for name in simulation.getDepartedIDList():
            self._enter(name)
        # SUMO takes a vehicle that runs into another one off the road.
        collided = simulation.getStartingTeleportIDList()
        for name in (*simulation.getArrivedIDList(), *collided):
            self._leave(name)
        return bool(collided)

    def _enter(self, name: str) -> None:
        self._sumo.vehicle.setSpeedMode(name, _ONLY_SAFE_SPEED)
        self._entered += 1
        self._highway_entered += name.startswith("highway.")
        bus = self._sumo.vehicle.getTypeID(name) == "rl"
        self._vehicles[name] = Vehicle(name, self._entered, bus)
        self._slots_are_stale |= bus

    def _leave(self, name: str) -> None:
        gone = self._vehicles.pop(name, None)
        if gone not in self._slots:
            return
        if self._fixed_slots:
            self._slots[self._slots.index(gone)] = None
        else:
            self._slots.remove(gone)
        self._slots_are_stale = True

    def _feed_highway(self) -> None:
        """Keeps as many highway vehicles waiting to enter as the demand has for us.

        One vehicle at most can enter in a substep, so two that wait are as good as the
        hundreds that the demand would pile up.
        """
        due = math.floor((self._time - _HIGHWAY_BEGIN) / _HIGHWAY_PERIOD + 1e-9) + 1
        enough = min(due, self._highway_entered + _HIGHWAY_WAITING)
        while self._highway_added < enough:
            name = f"highway.{self._highway_added}"
            self._add(name, "highway", position="base", speed="10")
            self._highway_added += 1

    def _add(self, name: str, route: str, position: str, speed: str) -> None:
        self._sumo.vehicle.add(
            name,
            route,
            typeID="human",
            departLane="free",
            departPos=position,
            departSpeed=speed,
        )

    def _read(self) -> None:
        """Reads every vehicle's speed and neighbours."""
        read_speed = self._sumo.vehicle.getSpeed
        read_leader = self._sumo.vehicle.getLeader
        vehicles = self._vehicles
        for name, vehicle in vehicles.items():
            vehicle.speed = read_speed(name)
            ahead = read_leader(name, _LOOK_AHEAD)
            if ahead:
                vehicle.leader = vehicles.get(ahead[0])
                vehicle.headway = ahead[1] + _MIN_GAP
            else:
                vehicle.leader = None


def driver_acceleration(vehicle: Vehicle) -> float:
    """Returns the acceleration of a human driver (IDM), m/s²."""
    speed, leader = vehicle.speed, vehicle.leader
    free = 1.0 - (speed / _DESIRED_SPEED) ** 4
    if leader is None:
        return free
    closing = speed * (speed - leader.speed) / _TWO_ROOT_AB
    wanted_gap = _TIME_HEADWAY * speed + closing
    wanted_gap = _JAM_GAP + wanted_gap if wanted_gap > 0.0 else _JAM_GAP
    headway = vehicle.headway
    if -_SMALLEST_HEADWAY < headway < _SMALLEST_HEADWAY:
        headway = _SMALLEST_HEADWAY
    return free - (wanted_gap / headway) ** 2


_DESIRED_SPEED, _TIME_HEADWAY, _JAM_GAP = 30.0, 1.0, 2.0
_TWO_ROOT_AB = 2.0 * math.sqrt(1.0 * 1.5)  # largest acceleration, comfortable braking
_SMALLEST_HEADWAY = 0.001

_running: MergeEpisode | None = None


def load_sumo() -> Any:
    """Returns the libsumo module, importing it if need be."""
    # It writes to stdout where another version of Arrow than its own is installed.
    with redirect_stdout(StringIO()):
        import libsumo

    return libsumo


def _take_over(episode: MergeEpisode, seed: int) -> Any:
    """Restarts the process's simulation for an episode; returns the libsumo module."""
    global _running
    libsumo = load_sumo()
    _running = None
    options = [*_OPTIONS, "--seed", str(seed)]
    if libsumo.isLoaded():
        libsumo.load(options)
    else:
        libsumo.start(["sumo", *options])
    _running = episode
    return libsumo


def _stop() -> None:
    global _running
    if _running is not None:
        _running._sumo.close()
        _running = None


atexit.register(_stop)
