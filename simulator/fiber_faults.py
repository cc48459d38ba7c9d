"""Faults of the fiber: it is cut, bent, dirty, shaken, repaired, or worked on."""

from simulator.corrupt import LEFT_OUT
from simulator.fault_model import SECOND_NS, DefectKind, Effect, Fault, Maintenance, Quantity, Shape
from simulator.site import DARK_DB, Site, direction_of, link_components

# Added losses for each code, farther from its thresholds than noise and drift reach.
_LOSSES_DB = {
    "FIBER_DEGRADE_WARN": (1.6, 2.4),
    "FIBER_DEGRADE": (3.7, 5.2),
    "FIBER_DEGRADE_SEVERE": (6.7, 9.0),
}
_DIP_DB = (3.5, 8.0)
# Short of a second by more than the jitter: no component samples twice in it.
_DIP_S = 0.85
# So many that three are seen even where samples miss their windows, all within 60 windows; so far
# apart that two of them are never in a row.
_DIPS = 15
_DIP_EVERY_S = (3.5, 4.1)
_SHUTDOWN_S = (0.1, 0.9)
# Long enough for an alarm to follow a change before the next one.
_STEP_S = 14
_WORK_BEFORE_NS = 5 * SECOND_NS
# Long enough for an alarm to clear while the work goes on, even where samples miss their windows.
_WORK_AFTER_NS = 40 * SECOND_NS


def cut(site: Site) -> Fault:
    """Both fibers are cut."""
    return site.fault("BOTH", site.cut(), (site.alarm("BOTH", "FIBER_CUT"),))


def cut_with_shutdown(site: Site) -> Fault:
    """Both fibers are cut, then each end shuts its laser down; the OSC stays on.

    Without an OSC, only a window in which an end still sent and the other no longer received tells
    the cut from a loss of light on both sides; whether there is one depends on the phases.
    """
    effects = list(site.cut())
    for span in site.both:
        shutdown_ns = site.after(site.rng.uniform(*_SHUTDOWN_S))
        effects.append(site.effect(span, Quantity.LAUNCH, -DARK_DB, start_ns=shutdown_ns))
    codes = ("FIBER_CUT",) if site.network.has_osc[site.link] else ("FIBER_CUT", "LINK_DARK")
    return site.fault("BOTH", effects, (site.alarm("BOTH", *codes),))


def strand_cut(site: Site) -> Fault:
    """One of the two fibers is cut."""
    span, direction = site.one()
    return site.fault(direction, site.attenuated(span), (site.alarm(direction, "FIBER_CUT"),))


def cable_cut(site: Site) -> Fault:
    """All fibers of a cable break, one after the other."""
    links = site.network.srlg_links(site.link)
    effects: list[Effect] = []
    for link in links:
        start_ns = site.after(site.rng.uniform(0.0, 0.9))
        for span in (2 * link, 2 * link + 1):
            effects += site.attenuated(span, start_ns=start_ns)
    expected = tuple(site.alarm("BOTH", "FIBER_CUT", link=link) for link in links)
    return site.fault("BOTH", effects, expected, links=links)


def short_outage(site: Site) -> Fault:
    """A cut that lasts a few seconds only."""
    return cut(site)


def half_repaired(site: Site) -> Fault:
    """Both fibers are cut, and one is repaired long before the other."""
    span, direction = site.one()
    effects = (*site.attenuated(span), *site.attenuated(span ^ 1, end_ns=site.after(_STEP_S)))
    return site.fault(direction, effects, (site.alarm("BOTH", "FIBER_CUT", last=direction),))


def half_silent(site: Site) -> Fault:
    """Both fibers are cut, and when one is repaired, the receiver of the other falls silent."""
    span, direction = site.one()
    silent_ns = site.after(_STEP_S)
    receiver = int(site.network.rx_component[span])
    expected = (
        site.alarm("BOTH", "FIBER_CUT", last=direction),
        site.alarm(direction, "PM_DATA_MISSING", since_ns=silent_ns),
    )
    return site.fault(
        direction,
        (*site.attenuated(span), *site.attenuated(span ^ 1, end_ns=silent_ns)),
        expected,
        defects=site.says(LEFT_OUT, {receiver}, silent_ns),
    )


def degrade(site: Site, code: str, shape: Shape = Shape.STEP) -> Fault:
    """Both fibers lose more light."""
    effects: list[Effect] = []
    for span in site.both:
        effects += site.attenuated(span, site.rng.uniform(*_LOSSES_DB[code]), shape)
    expected = [site.alarm("BOTH", code)]
    if code == "FIBER_DEGRADE_SEVERE":
        # Here the loss is also above its bound, 6 dB over the base.
        expected.append(site.alarm("BOTH", "SPAN_LOSS_OUT_OF_RANGE"))
    return site.fault("BOTH", effects, tuple(expected))


def contamination(site: Site) -> Fault:
    """A dirty connector attenuates and reflects."""
    span, direction = site.one()
    effects = (
        *site.attenuated(span, site.rng.uniform(*_LOSSES_DB["FIBER_DEGRADE"])),
        site.effect(span, Quantity.RETURN_LOSS, -site.rng.uniform(8.0, 20.0)),
    )
    return site.fault(direction, effects, (site.alarm(direction, "FIBER_DEGRADE"),))


def flapping(site: Site) -> Fault:
    """The loss crosses its threshold again and again, but never the one for clearing."""
    span, direction = site.one()
    effects = site.attenuated(span, 3.0, Shape.FLAP)
    return site.fault(direction, effects, (site.alarm(direction, "FIBER_DEGRADE"),))


def dip(site: Site) -> Fault:
    """The fibers are touched once, too shortly for an alarm."""
    end_ns = site.after(_DIP_S)
    amount_db = site.rng.uniform(*_DIP_DB)
    effects = [e for span in site.both for e in site.attenuated(span, amount_db, end_ns=end_ns)]
    return site.fault("BOTH", effects, end_ns=end_ns)


def dips(site: Site) -> Fault:
    """A fiber is touched again and again; most of the dips fall on a sample."""
    span, direction = site.one()
    effects: list[Effect] = []
    starts_ns = [site.onset_ns]
    for _ in range(_DIPS - 1):
        starts_ns.append(starts_ns[-1] + int(site.rng.uniform(*_DIP_EVERY_S) * SECOND_NS))
    for start_ns in starts_ns:
        end_ns = start_ns + int(_DIP_S * SECOND_NS)
        amount_db = site.rng.uniform(*_DIP_DB)
        effects += site.attenuated(span, amount_db, start_ns=start_ns, end_ns=end_ns)
    # The third dip is the first that can make it an alarm.
    expected = site.alarm(direction, "FIBER_JITTER", since_ns=starts_ns[2])
    return site.fault(direction, effects, (expected,), end_ns=end_ns)


def planned_work(site: Site) -> Fault:
    """A cut in a maintenance window of the link."""
    work = Maintenance(site.link, site.onset_ns - _WORK_BEFORE_NS, site.end_ns + _WORK_AFTER_NS)
    expected = (site.alarm("BOTH", "FIBER_CUT", suppressed=True),)
    return site.fault("BOTH", site.cut(), expected, maintenance=(work,))


def link_in_maintenance(site: Site) -> Fault:
    """A cut of a link whose lifecycle state is MAINTENANCE."""
    expected = (site.alarm("BOTH", "FIBER_CUT", suppressed=True),)
    return site.fault("BOTH", site.cut(), expected, in_maintenance=(site.link,))


def ports_in_maintenance(site: Site) -> Fault:
    """A cut while the ports of both ends are in the admin state MAINT."""
    work = site.defects(
        DefectKind.ADMIN,
        link_components(site.network, site.link),
        "MAINT",
        start_ns=site.onset_ns - _WORK_BEFORE_NS,
        end_ns=site.end_ns + _WORK_AFTER_NS,
    )
    expected = (site.alarm("BOTH", "FIBER_CUT", suppressed=True),)
    return site.fault("BOTH", site.cut(), expected, defects=work)


def taken_out_of_service(site: Site) -> Fault:
    """A cut, after which all ports of the link are disabled."""
    disabled = site.defects(
        DefectKind.ADMIN,
        link_components(site.network, site.link),
        "DISABLED",
        start_ns=site.after(_STEP_S),
    )
    expected = (site.alarm("BOTH", "FIBER_CUT", clear_reason="ADMIN_DOWN"),)
    return site.fault("BOTH", site.cut(), expected, defects=disabled)


def said_as(site: Site, words: tuple[str, ...]) -> Fault:
    """One fiber is cut, and its receiver has a word of its own for no light, that is known."""
    span, direction = site.one()
    word = str(site.rng.choice(words))
    return site.fault(
        direction_of(span),
        site.attenuated(span),
        (site.alarm(direction, "FIBER_CUT"),),
        defects=site.says(word, {int(site.network.rx_component[span])}),
    )


def said_unreadably(site: Site, words: tuple[str, ...]) -> Fault:
    """One fiber is cut, and its receiver says nothing that can be read."""
    span, direction = site.one()
    word = str(site.rng.choice(words))
    return site.fault(
        direction,
        site.attenuated(span),
        (site.alarm(direction, "PM_DATA_MISSING"),),
        defects=site.says(word, {int(site.network.rx_component[span])}),
    )


def said_as_zero(site: Site) -> Fault:
    """The fiber from A to Z is cut, and its receiver says 0 dBm: more than can arrive."""
    span = 2 * site.link
    expected = tuple(
        site.alarm("AZ", code) for code in ("TOPOLOGY_MISMATCH", "SPAN_LOSS_OUT_OF_RANGE")
    )
    receiver = int(site.network.rx_component[span])
    return site.fault("AZ", site.attenuated(span), expected, defects=site.says("0", {receiver}))


def floor_of_30(site: Site) -> Fault:
    """One fiber is cut, then its laser is shut down; both monitors stop at -30 dBm.

    What was 30 dB and more too much is then no loss at all.
    """
    span, direction = site.one()
    network, shutdown_ns = site.network, site.after(_STEP_S + 1)
    effects = (
        *site.attenuated(span),
        site.effect(span, Quantity.LAUNCH, -DARK_DB, start_ns=shutdown_ns),
    )
    expected = (
        site.alarm(direction, "FIBER_CUT"),
        site.alarm(direction, "SPAN_LOSS_OUT_OF_RANGE"),
        site.alarm(direction, "TOPOLOGY_MISMATCH", since_ns=shutdown_ns),
    )
    monitors = {int(network.tx_component[span]), int(network.rx_component[span])}
    return site.fault(direction, effects, expected, defects=site.says("-30", monitors))
