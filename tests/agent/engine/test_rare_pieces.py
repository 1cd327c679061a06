"""A piece of each text is chosen that is found quickly, and none is left out."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from agent.engine.rare_pieces import MANY, SIZE, rare_pieces

TEXTS = st.text(alphabet=st.characters(min_codepoint=1, max_codepoint=127), min_size=1, max_size=99)


@settings(max_examples=20, deadline=None)
@given(st.lists(TEXTS, max_size=8))
def test_each_text_holds_a_piece_where_it_is_said_to_stand(texts: list[str]) -> None:
    pieces = rare_pieces(texts)
    for text in texts:
        assert any(piece.text in text.lower() for piece in pieces)
    for piece in pieces:
        assert piece.whole[piece.at :].startswith(piece.text)
        assert 0 < len(piece.text) <= SIZE


def test_a_piece_ends_where_the_engine_takes_a_rare_character_of_it() -> None:
    # Of letters alone it takes the last two.
    pieces = rare_pieces(["informationqueue", "administrationqualified"])
    assert sorted(piece.text for piece in pieces) == ["nformationqu", "nistrationqu"]


def test_of_more_texts_than_can_be_chosen_among_each_is_looked_for_whole() -> None:
    texts = {f"name {number} of so many that are looked for" for number in range(MANY + 1)}
    assert {piece.text for piece in rare_pieces(texts)} == texts
