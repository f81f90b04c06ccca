// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0

// The whole stage on a BERT of two layers, fine-tuned throughout.

// RUN: cat %S/Inputs/tiny_bert.mlir %S/Inputs/finetune.mlir > %t.mlir
// RUN: graft-opt %t.mlir --transfer | FileCheck %s

// Only parameters and states are left of the model, three states a parameter.

// CHECK-LABEL:   graft.model @model weights "model.safetensors" {
// CHECK-COUNT-41:  graft.parameter
// CHECK-COUNT-41:  "gradient" of
// CHECK-NOT:       func.func
// CHECK:         }

// No dropout is left in prediction and evaluation.

// CHECK-LABEL:   func.func @predict
// CHECK-NOT:       dropout
// CHECK:           graft.softmax
// CHECK-LABEL:   func.func @evaluate
// CHECK-NOT:       dropout
// CHECK:           graft.cross_entropy

// Training reads each tensor once before it takes gradients of all of them.

// CHECK-LABEL:   func.func @accumulate
// CHECK:           %[[WORDS:.*]] = graft.read @model::@embeddings.word_embeddings.weight
// CHECK-NEXT:      graft.embedding %{{.*}}, %[[WORDS]]
// CHECK:           graft.dropout {{.*}} id 0 :
// CHECK:           graft.attention {{.*}} dropout 1.000000e-01 id 64 :
// CHECK:           graft.dropout {{.*}} id 65 :
// CHECK:           graft.dropout {{.*}} id 66 :
// CHECK:           graft.attention {{.*}} dropout 1.000000e-01 id 128 :
// CHECK:           graft.dropout {{.*}} id 129 :
// CHECK:           graft.dropout {{.*}} id 130 :
// CHECK:           graft.dropout {{.*}} id 1 :
// CHECK:           %[[LOSS:.*]] = graft.div
// CHECK-NOT:       graft.read
// CHECK:           graft.gradients %[[LOSS]] wrt %[[WORDS]],
// CHECK-COUNT-41:  graft.write {{.*}}.gradient,
// CHECK-NEXT:      return %[[LOSS]]

// Weights of matrices decay, those of norms and biases do not.

// CHECK-LABEL:   func.func @update
// CHECK:           graft.global_norm
// CHECK-NEXT:      graft.clip_factor
// CHECK:           graft.read @model::@embeddings.word_embeddings.weight :
// CHECK:           graft.adamw {{.*}} decay 0.00999999977 :
// CHECK:           graft.read @model::@embeddings.LayerNorm.weight :
// CHECK:           graft.adamw {{.*}} decay 0.000000e+00 :
// CHECK:           graft.read @model::@encoder.layer.1.attention.self.value.weight :
// CHECK:           graft.adamw {{.*}} decay 0.00999999977 :
// CHECK:           graft.read @model::@encoder.layer.1.attention.self.value.bias :
// CHECK:           graft.adamw {{.*}} decay 0.000000e+00 :
// CHECK-NOT:     transfer.
