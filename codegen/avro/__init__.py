"""Avro schemas: text to values, folders of them, how one reads what another wrote."""
