"""The event center's store, API and page: what the network went through, in one place.

A process of its own, without Beam. `intake` reads what the pipeline publishes, `store` keeps it,
`web` shows it.
"""
