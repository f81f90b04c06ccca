# Part of Graft, under the Apache License v2.0.
# SPDX-License-Identifier: Apache-2.0
"""The uniform random numbers of docs/formats/randomness.md."""

WORD, LONG = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def philox(counter, key):
    """Ten rounds of Philox4x32."""
    counter, (k0, k1) = list(counter), key
    for _ in range(10):
        a, b = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [(b >> 32) ^ counter[1] ^ k0, b & WORD,
                   (a >> 32) ^ counter[3] ^ k1, a & WORD]
        k0, k1 = (k0 + 0x9E3779B9) & WORD, (k1 + 0xBB67AE85) & WORD
    return counter


def split_mix(x):
    x = (x + 0x9E3779B97F4A7C15) & LONG
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & LONG
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & LONG
    return x ^ (x >> 31)


def key_of(seed, phase, draw, op):
    key = split_mix(seed ^ split_mix(phase << 48 | draw << 32 | op))
    return key & WORD, key >> 32


def uniform(key, example, step, element=0, position=0):
    """Element `element` of the row of an example."""
    words = philox([element, 0xFFFF << 16 | position, example, step & WORD], key)
    return (words[0] >> 8) / 2 ** 24
