// For models of three classes that take what BERT takes.
#T = #graft.dims<T>
#S = #graft.dims<S>
transfer.strategy @probe {
  %ids, %types, %segments, %labels = transfer.stream @train of ids, types, segments, labels<3> in @T, @S
  transfer.group @encoder of @model rest frozen
  transfer.group @head of @model select "^classifier"
  %logits = transfer.call @model::@logits(%ids, %types, %segments)
      : (tensor<?xi32, #T>, tensor<?xi32, #T>, !graft.segments<T, S>) -> tensor<?x3xf32, #S>
  %loss = transfer.loss cross_entropy %logits, %labels mean : tensor<?x3xf32, #S>, tensor<?xi32, #S>
  transfer.predict %logits softmax : tensor<?x3xf32, #S>
  transfer.phase @step minimise %loss over [@head] with adamw rate linear 1.0e-3
  transfer.schedule epochs 10 of [@step]
}
