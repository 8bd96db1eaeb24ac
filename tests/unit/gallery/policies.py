"""Small hand-written policies of every kind, each with the labels it should get."""

MACHINE = "state machine"
P = "proportional control"
PD = "proportional-derivative control"
WAVE = "oscillator"
OPEN = "open loop"
SEARCH = "search"
VALUES = "dynamic programming"
MODEL = "model-based optimisation"
LEARNS = "learning online"

POLICIES: dict[str, tuple[set[str], str]] = {}


def _policy(name: str, labels: set[str], source: str) -> None:
    POLICIES[name] = (labels, source)


_policy(
    "phases by name",
    {MACHINE},
    """
class Policy:
    def __init__(self):
        self.phase = "reach"

    def act(self, obs):
        if self.phase == "reach":
            if obs.distance < 0.1:
                self.phase = "grasp"
            return 0
        elif self.phase == "grasp":
            if obs.closed > 0.5:
                self.phase = "lift"
            return 1
        return 2
""",
)
_policy(
    "phases by number, counted up",
    {MACHINE},
    """
class Policy:
    def __init__(self):
        self.stage = 0

    def act(self, obs):
        stage = self.stage
        if stage == 0 and obs.x > 1.0:
            self.stage += 1
        elif stage == 1 and obs.x < 0.0:
            self.stage += 1
        return stage
""",
)
_policy(
    "a latch chooses the controller",
    {MACHINE, P},
    """
import numpy as np

class Policy:
    def __init__(self):
        self.grasped = False

    def act(self, obs):
        if obs.gripper < 0.4:
            self.grasped = True
        if self.grasped:
            target = obs.goal
        else:
            target = obs.cube
        return np.clip(10.0 * (target - obs.hand), -1.0, 1.0)
""",
)
_policy(
    "recovery while a timer runs",
    {MACHINE},
    """
class Policy:
    def __init__(self):
        self.back_off = 0

    def act(self, obs):
        if obs.blocked > 0.5:
            self.back_off = 5
        if self.back_off > 0:
            self.back_off -= 1
            return 3
        return 1
""",
)
_policy(
    "enumerated phases",
    {MACHINE},
    """
from enum import Enum

class Phase(Enum):
    DOWN = 0
    UP = 1

class Policy:
    def __init__(self):
        self.phase = Phase.DOWN

    def act(self, obs):
        match self.phase:
            case Phase.DOWN:
                if obs.height < 0.1:
                    self.phase = Phase.UP
                return 0
            case _:
                if obs.height > 0.9:
                    self.phase = Phase.DOWN
                return 1
""",
)
_policy(
    "set up once is no phase",
    {P},
    """
class Policy:
    def __init__(self):
        self.ready = False
        self.target = 0.0

    def act(self, obs):
        if not self.ready:
            self.target = obs.goal
            self.ready = True
        return 2.0 * (self.target - obs.x)
""",
)
_policy(
    "gain times difference",
    {P},
    """
import numpy as np

class Policy:
    def act(self, obs):
        error = np.asarray(obs.goal) - np.asarray(obs.position)
        return np.clip(self.gain(error), -1.0, 1.0)

    def gain(self, error):
        return 5.0 * error
""",
)
_policy(
    "per axis, in a loop",
    {P},
    """
class Policy:
    def act(self, obs):
        action = [0.0, 0.0, 0.0]
        for axis in range(3):
            action[axis] = 4.0 * (obs.goal[axis] - obs.hand[axis])
        return action
""",
)
_policy(
    "difference clipped as it is",
    {P},
    """
import numpy as np

class Policy:
    def act(self, obs):
        return np.clip(obs.goal - obs.hand, -1, 1)
""",
)
_policy(
    "damped by an observed velocity",
    {PD},
    """
import numpy as np

class Policy:
    KP = 3.0
    KD = 0.5

    def act(self, obs):
        u = self.KP * (0.0 - obs.theta) - self.KD * obs.theta_dot
        return np.clip([u], -1.0, 1.0)
""",
)
_policy(
    "damped by a finite difference",
    {PD},
    """
class Policy:
    def __init__(self):
        self.before = None

    def act(self, obs):
        error = obs.goal - obs.x
        if self.before is None:
            self.before = obs.x
        moved = obs.x - self.before
        self.before = obs.x
        return 2.0 * error - 0.3 * moved
""",
)
_policy(
    "regulator around zero",
    {PD},
    """
class Policy:
    def act(self, obs):
        return -(12.0 * obs.angle + 2.0 * obs.angular_velocity)
""",
)
_policy(
    "a distance only compared is no feedback",
    {"rule-based"},
    """
class Policy:
    def act(self, obs):
        dx = obs.goal_x - obs.x
        dy = obs.goal_y - obs.y
        if abs(dx) > abs(dy):
            return 1 if dx > 0 else 3
        return 0 if dy > 0 else 2
""",
)
_policy(
    "gait without feedback",
    {OPEN},
    """
import numpy as np

class Policy:
    def __init__(self):
        self.t = 0

    def act(self, obs):
        self.t += 1
        phase = 0.2 * self.t
        return np.array([np.sin(phase), np.cos(phase)])
""",
)
_policy(
    "written-down sequence",
    {OPEN},
    """
MOVES = [0, 0, 1, 1, 2]

class Policy:
    def __init__(self):
        self.step = 0

    def act(self, obs):
        move = MOVES[min(self.step, 4)]
        self.step = self.step + 1
        return move
""",
)
_policy(
    "timed phases without observation",
    {OPEN},
    """
class Policy:
    def __init__(self):
        self.t = 0

    def act(self, obs):
        self.t += 1
        if self.t < 10:
            return 1
        return 0
""",
)
_policy(
    "gait with feedback",
    {WAVE},
    """
import math

class Policy:
    def __init__(self):
        self.phase = 0.0

    def act(self, obs):
        self.phase = (self.phase + 0.3) % (2 * math.pi)
        lean = 0.2 * obs.pitch
        return [math.sin(self.phase) + lean, math.sin(self.phase + 1.5) + lean]
""",
)
_policy(
    "tracking of an oscillating target",
    {WAVE, PD},
    """
import numpy as np

class Policy:
    def __init__(self):
        self.t = 0

    def act(self, obs):
        target = 0.7 * np.sin(5.0 * self.t * 0.01)
        self.t += 1
        return np.clip(8.0 * (target - obs.qpos[2]) - 0.4 * obs.qvel[2], -1, 1)
""",
)
_policy(
    "the sine of an observed angle is no oscillator",
    {P},
    """
import math

class Policy:
    def __init__(self):
        self.t = 0

    def act(self, obs):
        self.t += 1
        if self.t > 100:
            return 0.0
        return 2.0 * (math.sin(obs.angle) - obs.height)
""",
)
_policy(
    "breadth first",
    {SEARCH},
    """
from collections import deque

class Policy:
    def act(self, obs):
        start, goal = int(obs.cell), int(obs.goal)
        queue = deque([start])
        parent = {start: None}
        while queue:
            cell = queue.popleft()
            if cell == goal:
                break
            for move in (-10, 10, -1, 1):
                other = cell + move
                if other not in parent and obs.board[other] == 0:
                    parent[other] = cell
                    queue.append(other)
        while parent[cell] != start:
            cell = parent[cell]
        return (-10, 10, -1, 1).index(cell - start)
""",
)
_policy(
    "a star",
    {SEARCH},
    """
from heapq import heappop, heappush

class Policy:
    def act(self, obs):
        return self.plan(int(obs.cell), int(obs.goal))

    def plan(self, start, goal):
        frontier, cost, first = [(0, start)], {start: 0}, {start: 0}
        while frontier:
            _, cell = heappop(frontier)
            if cell == goal:
                return first[cell]
            for action, step in enumerate((-10, 10, -1, 1)):
                other = cell + step
                price = cost[cell] + 1
                if price < cost.get(other, 99):
                    cost[other] = price
                    first[other] = action if cell == start else first[cell]
                    heappush(frontier, (price + abs(goal - other), other))
        return 0
""",
)
_policy(
    "breadth first by levels",
    {SEARCH},
    """
class Policy:
    def act(self, obs):
        level, seen = [int(obs.cell)], {int(obs.cell)}
        steps = 0
        while level:
            following = []
            for cell in level:
                if cell == obs.goal:
                    return steps % 4
                for other in (cell - 1, cell + 1):
                    if other not in seen:
                        seen.add(other)
                        following.append(other)
            level = following
            steps += 1
        return 0
""",
)
_policy(
    "depth first by recursion",
    {SEARCH},
    """
class Policy:
    def act(self, obs):
        return 1 if self.reaches(int(obs.cell), int(obs.goal), set()) else 0

    def reaches(self, cell, goal, seen):
        if cell == goal:
            return True
        seen.add(cell)
        for other in (cell - 1, cell + 1):
            if other not in seen and self.reaches(other, goal, seen):
                return True
        return False
""",
)
_policy(
    "value iteration in loops",
    {VALUES},
    """
class Policy:
    def act(self, obs):
        values = [0.0] * 100
        for _ in range(50):
            new = values[:]
            for s in range(100):
                best = []
                for step in (-10, 10, -1, 1):
                    n = min(99, max(0, s + step))
                    best.append(obs.reward[n] + 0.9 * values[n])
                new[s] = max(best)
            values = new
        here = int(obs.cell)
        scores = [values[max(0, here - 1)], values[min(99, here + 1)]]
        return scores.index(max(scores))
""",
)
_policy(
    "value iteration on arrays, until it converges",
    {VALUES},
    """
import numpy as np

class Policy:
    def __init__(self):
        self.model = np.ones((4, 100, 100)) / 100.0

    def act(self, obs):
        reward = np.asarray(obs.reward)
        value = np.zeros(100)
        while True:
            q = reward + 0.95 * self.model @ value
            new = np.max(q, axis=0)
            if np.abs(new - value).max() < 1e-6:
                break
            value = new
        return int(np.argmax(q[:, int(obs.cell)]))
""",
)
_policy(
    "a running maximum is no dynamic programming",
    {"rule-based"},
    """
class Policy:
    def act(self, obs):
        best = 0.0
        for value in obs.values:
            best = max(best, value + 1.0)
        return 1 if best > 2.0 else 0
""",
)
_policy(
    "random shooting in an own model",
    {MODEL},
    """
import numpy as np

class Policy:
    def __init__(self):
        self.rng = np.random.default_rng(0)

    def step(self, state, action):
        return 0.9 * state + 0.1 * action

    def score(self, state, plan):
        total = 0.0
        for action in plan:
            state = self.step(state, action)
            total += state[0]
        return total

    def act(self, obs):
        plans = self.rng.uniform(-1, 1, (64, 10))
        state = np.asarray(obs.state)
        scores = [self.score(state, plan) for plan in plans]
        return plans[int(np.argmax(scores))][0]
""",
)
_policy(
    "table of action values",
    {LEARNS},
    """
import numpy as np

class Policy:
    def __init__(self):
        self.q = np.zeros((100, 4))
        self.last = None
        self.action = 0

    def act(self, obs):
        state = int(obs.cell)
        if self.last is not None:
            reward = 1.0 if state == int(obs.goal) else -0.1
            old = self.q[self.last, self.action]
            self.q[self.last, self.action] += 0.1 * (
                reward + 0.9 * self.q[state].max() - old
            )
        self.last = state
        self.action = int(np.argmax(self.q[state]))
        return self.action
""",
)
_policy(
    "estimate of a gain from transitions",
    {LEARNS, P},
    """
class Policy:
    def __init__(self):
        self.push = 1.0
        self.last_x = None
        self.last_u = 0.0

    def act(self, obs):
        if self.last_x is not None and abs(self.last_u) > 0.1:
            seen = (obs.x - self.last_x) / self.last_u
            self.push = 0.9 * self.push + 0.1 * seen
        u = (obs.goal - obs.x) / self.push
        self.last_x = obs.x
        self.last_u = u
        return u
""",
)
_policy(
    "counts of visits",
    {LEARNS},
    """
class Policy:
    def __init__(self):
        self.visits = {}

    def act(self, obs):
        cell = int(obs.cell)
        if cell not in self.visits:
            self.visits[cell] = 0
        self.visits[cell] += 1
        return min(range(4), key=lambda a: self.visits.get(cell + a, 0))
""",
)
_policy(
    "a filter is not learning",
    {"rule-based"},
    """
class Policy:
    def __init__(self):
        self.smooth = 0.0

    def act(self, obs):
        self.smooth = 0.9 * self.smooth + 0.1 * obs.x
        return 1 if self.smooth > 0 else 0
""",
)
_policy(
    "always the same",
    {"constant"},
    """
import numpy as np

class Policy:
    def act(self, obs):
        return np.zeros(3)
""",
)
_policy(
    "drawn at random",
    {"random"},
    """
import numpy as np

class Policy:
    def __init__(self):
        self.rng = np.random.default_rng(1)

    def act(self, obs):
        return int(self.rng.integers(4))
""",
)
_policy(
    "linear in the observation",
    {"unclassified"},
    """
import numpy as np

W = np.ones((2, 4))

class Policy:
    def act(self, obs):
        return np.tanh(W @ np.asarray(obs.vector))
""",
)
_policy(
    "parts in other functions and a helper class",
    {MACHINE, PD, SEARCH},
    """
import heapq

def neighbours(cell):
    return [cell - 1, cell + 1, cell - 10, cell + 10]

class Planner:
    def route(self, start, goal):
        heap, seen = [(0, start)], set()
        while heap:
            cost, cell = heapq.heappop(heap)
            if cell == goal:
                return cell
            seen.add(cell)
            for other in neighbours(cell):
                if other not in seen:
                    heapq.heappush(heap, (cost + 1, other))
        return start

class Policy:
    def __init__(self):
        self.planner = Planner()
        self.mode = "drive"

    def act(self, obs):
        if obs.bumped > 0.5:
            self.mode = "reverse"
        elif obs.free > 0.5:
            self.mode = "drive"
        if self.mode == "reverse":
            return -1.0
        way = self.planner.route(int(obs.cell), int(obs.goal))
        return self.steer(way % 10, obs.x, obs.speed)

    def steer(self, target, x, speed):
        return 1.5 * (target - x) - 0.2 * speed
""",
)
