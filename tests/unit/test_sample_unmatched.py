"""Which samples in no link are written."""

from transforms.sample_unmatched import written


def test_the_first_hundred_then_one_in_a_thousand() -> None:
    for sizes in ([3500], [1] * 3500, [99, 2, 999, 1000, 1400]):
        positions, first = [], 0
        for number in sizes:
            positions += [first + at for at in written(first, number)]
            first += number
        assert positions == [*range(100), 1099, 2099, 3099]
