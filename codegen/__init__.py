"""The contract toolkit: Avro schemas in, typed Python classes, a registry in step and answers about changes out.

Works on any folder of `.avsc` files; knows nothing of the shop. Modules from the inside out:
`schema` (parser), `resolution` (one resolver for a writer and a reader), `python_source` (generator),
`runtime` (what generated classes call), `contracts` (contracts.toml), `registry`, `push`, `cli`.
"""
