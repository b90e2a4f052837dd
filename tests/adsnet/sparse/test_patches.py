"""Decision masks on maps of any size."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from adsnet.sparse.patches import spread
from tests.adsnet.sparse.maps import Layout, layouts, mask_of

sides = st.integers(1, 9)


@given(rows=sides, columns=sides, height=st.integers(1, 40), width=st.integers(1, 40))
def test_every_cell_takes_the_patch_that_its_first_pixel_lies_in(
    rows: int, columns: int, height: int, width: int
) -> None:
    height, width = max(height, rows), max(width, columns)  # patches finer than the cells have tests of their own
    keep = torch.arange(rows * columns).view(1, 1, rows, columns).float()
    full = spread(keep, height, width)
    assert full.shape == (1, 1, height, width)
    for row in range(0, height, 3):
        for column in range(0, width, 3):
            assert full[0, 0, row, column] == keep[0, 0, row * rows // height, column * columns // width]


@given(height=sides, width=sides, rows=st.integers(1, 20), columns=st.integers(1, 20), seed=st.integers(0, 99))
def test_a_cell_of_several_patches_is_kept_with_any_of_them(
    height: int, width: int, rows: int, columns: int, seed: int
) -> None:
    keep = mask_of("random", 1, rows, columns, seed=seed)
    full = spread(keep, height, width)
    assert full.shape == (1, 1, height, width)
    for row in range(height):
        for column in range(width):
            across, down = patches_of(column, columns, width), patches_of(row, rows, height)
            assert full[0, 0, row, column] == keep[0, 0, down, across].max()


def patches_of(cell: int, patches: int, cells: int) -> slice:
    """The patches that lie in a cell, if only in part; the one that it begins in where patches are the larger."""
    first = cell * patches // cells
    return slice(first, max(first + 1, -(-(cell + 1) * patches // cells)) if patches > cells else first + 1)


@given(layout=layouts())
def test_a_pixel_is_never_kept_in_a_dropped_coarse_cell(layout: Layout) -> None:
    """Else it would have no features at the coarser stride. Only patches that coarse cells cut across can do that."""
    axes = ((layout.height, layout.rows), (layout.width, layout.columns))
    assume(all(patches > cells or cells % patches == 0 for cells, patches in axes))
    coarse, fine = (spread(layout.keep, layout.height * k, layout.width * k) for k in (1, 2))
    assert bool((fine <= coarse.repeat_interleave(2, 2).repeat_interleave(2, 3)).all())


@pytest.mark.parametrize("size", [(4, 6), (5, 7), (16, 6)])
def test_the_gradient_of_a_patch_is_the_sum_over_its_cells(size: tuple[int, int]) -> None:
    keep = torch.ones(1, 1, 4, 3, requires_grad=True)
    spread(keep, *size).sum().backward()  # type: ignore[no-untyped-call]
    assert keep.grad is not None
    assert keep.grad.sum() == size[0] * size[1]
    cells = torch.stack([(spread(torch.eye(12)[i].view(1, 1, 4, 3), *size)).sum() for i in range(12)])
    assert torch.equal(keep.grad.flatten(), cells)


@pytest.mark.parametrize("size", [(2, 3), (3, 2), (1, 1), (2, 9), (8, 2)])
def test_a_gradient_reaches_patches_that_are_finer_than_the_cells(size: tuple[int, int]) -> None:
    keep = torch.zeros(1, 1, 4, 6)
    keep[0, 0, 1, 2] = keep[0, 0, 3, 5] = 1
    keep.requires_grad_()
    spread(keep, *size).sum().backward()  # type: ignore[no-untyped-call]
    assert keep.grad is not None and keep.grad.sum() == size[0] * size[1]  # a maximum for every cell
    assert float(keep.grad[0, 0, 1, 2]) > 0
