// Part of Graft, under the Apache License v2.0.
// SPDX-License-Identifier: Apache-2.0
//
// What an editor says to the language server about a file with a plug-in's op.
{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"processId":1,"rootPath":"mlir","capabilities":{},"trace":"off"}}
// -----
{"jsonrpc":"2.0","method":"textDocument/didOpen","params":{"textDocument":{
  "uri":"test:///gated.mlir",
  "languageId":"mlir",
  "version":1,
  "text":"func.func @f(%x: tensor<3x4xf32>) -> tensor<3x4xf32> {\n  %y = example.gated_gelu %x, %x : tensor<3x4xf32>\n  return %y : tensor<3x4xf32>\n}"
}}}
// CHECK: "method": "textDocument/publishDiagnostics",
// WITH: "diagnostics": []
// WITHOUT: "message": "Dialect `example' not found
// -----
{"jsonrpc":"2.0","id":2,"method":"shutdown"}
// -----
{"jsonrpc":"2.0","method":"exit"}
