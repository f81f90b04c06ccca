// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// Sizes of a second stream, as large as those of the models.

graft.size @U bound 64
graft.size @R bound 8
