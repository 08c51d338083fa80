"""The names of what a run can do to find its masks, and which of them go together. Torch-free.

The methods themselves are in `search/`, under the same names.
"""

from typing import NamedTuple

from pemn_compress.errors import SettingError
from pemn_compress.masking.rules.numbers import LARGEST, is_number, shown, whole


class SearchFacts(NamedTuple):
    """What is known of a search without running it.

    `ranking` is how it ranks scores unless told otherwise; `rankings` are those it can use;
    `renewable` says whether a renewal can run beside it.
    """

    ranking: str
    rankings: tuple[str, ...]
    renewable: bool


class RenewalFacts(NamedTuple):
    """What is known of a renewal: what its period counts in, and the paper's period and rate.

    A rate is above 0 and at most `most`.
    """

    unit: str
    every: int
    rate: float
    most: float


RANKINGS = ("magnitude", "signed")
SEARCHES = {
    "edge-popup": SearchFacts("magnitude", RANKINGS, True),
    "supermask": SearchFacts("signed", ("signed",), False),
    "biprop": SearchFacts("magnitude", RANKINGS, True),
    "sign": SearchFacts("magnitude", ("magnitude",), False),
}
RENEWALS: dict[str, RenewalFacts | None] = {
    "none": None,
    # IteRand's own: CIFAR-10, 117 times in 100 epochs
    "iterand": RenewalFacts("steps", 300, 0.1, 1.0),
    # [IWR] section 3.2; above a half the highest would take the values of one another
    "recycle": RenewalFacts("epochs", 10, 0.2, 0.5),
}
BUDGETS = ("tensor", "global")
DENSITY_SCHEDULES = ("constant", "cubic")
RAMP_EPOCHS = 10  # Biprop's
LEARNED_SCALES = ("none", "tensor", "channel")
ORDERS = ("tile", "shuffle")
SHUFFLED_STRATEGIES = ("mp", "rp")


def check_search(search: str, ranking: str | None, renewal: str) -> None:
    """Refuse a ranking or a renewal that a search cannot use. Raises SettingError."""
    facts = SEARCHES[search]
    if ranking is not None and ranking not in facts.rankings:
        why = "ranks probabilities, which grow with the score and not with its magnitude"
        if ranking == "signed":
            why = "takes the score's sign for the weight's: it ranks what is left of a score"
        raise SettingError(
            f"search {search} {why}: expected ranking {' or '.join(facts.rankings)}, got {ranking}"
        )
    if renewal != "none" and not facts.renewable:
        able = [name for name, other in SEARCHES.items() if other.renewable]
        why = "learns signs instead" if search == "sign" else "samples another mask in every step"
        raise SettingError(
            f"renewal {renewal} renews the weights that a mask leaves out, and search {search} "
            f"{why}: expected search {' or '.join(able)} with it, or "
            f"renewal none"
        )


def check_renewal(renewal: str, every: int | None, rate: float | None) -> None:
    """Refuse a renewal's period or rate out of range. Raises SettingError."""
    facts = RENEWALS[renewal]
    if facts is None:
        for name, value in (("renewal_every", every), ("renewal_rate", rate)):
            if value is not None:
                kinds = [kind for kind, other in RENEWALS.items() if other]
                raise SettingError(
                    f"{name} is a setting of renewal {' and '.join(kinds)}: expected one of them, "
                    "got none"
                )
        return
    if every is not None and not (
        is_number(every) and isinstance(every, int) and 1 <= every <= LARGEST
    ):
        raise SettingError(
            f"renewal_every: expected a number of {facts.unit} of 1 or more, got {shown(every)}"
        )
    if rate is not None and not (is_number(rate) and 0 < rate <= facts.most):
        raise SettingError(
            f"renewal_rate: expected above 0 and up to {facts.most:g} for {renewal}, got "
            f"{shown(rate)}"
        )


BY_MAGNITUDE, BY_SEED = "magnitude", "seed"
FROZEN_BY = (BY_MAGNITUDE, BY_SEED)  # how the weights are chosen that keep their seeded value


def check_learned_scale(search: str, learn_scale: str) -> None:
    """Refuse to learn the scale of weights that have one of their own. Raises SettingError."""
    if learn_scale != "none" and search == "biprop":
        raise SettingError(
            "search biprop computes its own scale in every step: expected learn_scale none with "
            f"it, or search edge-popup, supermask or sign, got {learn_scale}"
        )


def check_frozen(
    frozen: float, densities: tuple[float, ...], renewal: str, scheduled: bool
) -> None:
    """Refuse a frozen share out of range, or one that does not go with the rest.

    Raises SettingError.
    """
    if not (is_number(frozen) and 0 <= frozen < 1):
        raise SettingError(
            "frozen is the fraction of every tensor that keeps its seeded value: expected 0 to "
            f"below 1, got {shown(frozen)}"
        )
    if not frozen:
        return
    if frozen > min(densities):
        raise SettingError(
            f"frozen weights are kept: expected a frozen share of at most the density "
            f"{min(densities):g}, got {frozen:g}; pass --frozen {min(densities):g}, or --density "
            f"{frozen:g}"
        )
    if scheduled:
        raise SettingError(
            "frozen: expected density_schedule constant, for a density on its way may be below "
            "the frozen share, got cubic"
        )
    if renewal == "recycle":
        raise SettingError(
            "renewal recycle gives weights the values of the highest scores, which the frozen "
            "ones would always be: expected renewal none or iterand with frozen, or frozen 0"
        )


def check_order(order: str, strategy: str) -> None:
    """Refuse a shuffle where tensors do not share one vector. Raises SettingError."""
    if order == "shuffle" and strategy not in SHUFFLED_STRATEGIES:
        raise SettingError(
            f"order shuffle permutes the one vector that every tensor starts in, which strategy "
            f"{strategy} has not: expected strategy {' or '.join(SHUFFLED_STRATEGIES)} with it"
        )


def check_budget(budget: str, floor: float | None, by_pattern: bool) -> None:
    """Refuse a floor without a global budget, and densities by name with one.

    Raises SettingError.
    """
    if floor is not None:
        if budget != "global":
            raise SettingError(
                "floor is a setting of budget global, a tensor's own budget being exact: expected "
                f"that one, got {budget}"
            )
        if not (is_number(floor) and 0 <= floor <= 1):
            raise SettingError(
                f"floor is the fraction of every tensor that is kept at least: expected 0 to 1, "
                f"got {shown(floor)}"
            )
    if budget == "global" and by_pattern:
        raise SettingError(
            "layer_density sets tensors' shares, which budget global leaves to the scores: "
            "expected budget tensor with it, or a floor in its place"
        )


def check_ramp(schedule: str, ramp_epochs: int | None) -> None:
    """Refuse a ramp of no length, or one of a constant density. Raises SettingError."""
    if ramp_epochs is None:
        return
    whole(ramp_epochs, "ramp_epochs", least=1)
    if schedule == "constant":
        raise SettingError(
            "ramp_epochs is a setting of density_schedule cubic: expected that one, got constant"
        )
