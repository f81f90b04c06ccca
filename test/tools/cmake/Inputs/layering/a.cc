// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

int main() { return 0; }
