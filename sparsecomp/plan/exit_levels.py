"""From what going on costs to the supply that an exit asks for before it does."""

from __future__ import annotations

import math
from dataclasses import replace

from sparsecomp.boards import Board
from sparsecomp.errors import InputError
from sparsecomp.exits import reading
from sparsecomp.plan import Plan
from sparsecomp.plan.energy import layer_energy_nj

NEARLY_FULL_V = 3.5  # of the 3.6 that the device stands
RESERVE = 1.1  # of the estimated cost, for what the estimate and the harvest leave open


def going_on_nj(plan: Plan) -> tuple[float, ...]:
    """Estimated nanojoules from each early exit's decision to the next one. Raises InputError where the board gives
    no energies.
    """
    costs, sums = [], 0.0
    for index, step in enumerate(plan.program.steps):
        each = layer_energy_nj(plan, index)
        if each is None and step.attrs.get("lea"):
            raise InputError(
                "the exit policy asks for the energy of layers, that of layers on the accelerator is not estimated",
                "leave --lea out, or take the policy confidence:0.9",
            )
        if each is None:
            raise InputError(
                f"{plan.board.name} says nothing of energy, which the exit policy asks for",
                "take a board with an [energy] table, or the policy confidence:0.9",
            )
        sums += each
        if step.kernel == "exit":
            costs.append(sums)
            sums = 0.0
    return tuple(costs[1:])


def level_of(board: Board, cost_nj: float, capacitor_uF: float) -> int:
    """The reading of a capacitor that holds ``cost_nj`` above the voltage at which the device stops. What no charge
    pays for asks for one that is nearly full.
    """
    energy = board.energy
    volts = math.sqrt(energy.v_off**2 + 2e-3 * RESERVE * cost_nj / capacitor_uF)
    return max(1, reading(min(volts, max(NEARLY_FULL_V, energy.v_on))))


def with_levels(plan: Plan, capacitor_uF: float | None = None) -> Plan:
    """The plan with the levels of a policy that looks at the supply: for the policy's own capacitor, the given one, or
    the board's. A host has all the supply it wants.
    """
    policy = plan.program.policy
    if policy is None or not policy.energy or plan.board.is_host:
        return plan
    capacitor = policy.own_uF or capacitor_uF or plan.board.energy.capacitor_uF
    if capacitor is None or plan.board.energy.v_off is None or plan.board.energy.v_on is None:
        raise InputError(
            f"the exit policy '{policy.text}' asks for the energy in a capacitor, {plan.board.name} names none",
            f"give v_on and v_off in the board file's [energy] and the capacitor there or here ({policy.text}/470uF),"
            " or take the policy confidence:0.9",
        )
    levels = tuple(level_of(plan.board, policy.reserve * cost, capacitor) for cost in going_on_nj(plan))
    return replace(plan, program=replace(plan.program, policy=replace(policy, levels=levels, capacitor_uF=capacitor)))
