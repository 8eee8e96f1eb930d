"""The tokenizer of multilingual-e5-small, made from the pieces of the packed model."""

from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

from memory.embedding.e5_weights import Pieces, Shape


def write_tokenizer(pieces: Pieces, shape: Shape, target: Path) -> None:
    """Write ``tokenizer.json`` as the library `tokenizers` reads it.

    It is SentencePiece's unigram model over NFKC text with collapsed blanks, framed by ``<s>`` and
    ``</s>``, cut at the length the model has positions for.
    """
    vocabulary = list(pieces.pieces)
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=pieces.unknown, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Replace(Regex(r"[\x00-\x08\x0e-\x1f\x7f\u200b-\u200f\ufeff]"), ""),
            normalizers.NFKC(),
            normalizers.Replace(Regex(r"\s+"), " "),
            normalizers.Strip(left=False, right=True),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always", split=False)
    begin, end = vocabulary[pieces.begin][0], vocabulary[pieces.end][0]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{begin} $A {end}",
        pair=f"{begin} $A {end} {end} $B {end}",
        special_tokens=[(begin, pieces.begin), (end, pieces.end)],
    )
    padding, unknown = vocabulary[pieces.padding][0], vocabulary[pieces.unknown][0]
    tokenizer.add_special_tokens(
        [AddedToken(text, normalized=False, special=True) for text in (begin, padding, end, unknown)]
    )
    tokenizer.enable_truncation(max_length=shape.positions)
    tokenizer.save(str(target), pretty=False)
