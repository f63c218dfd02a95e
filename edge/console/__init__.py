"""The operator's page, a process of its own that only reads.

    ledger + control socket ──► watcher ──► view, status ──► strip_map, panels ──► page ──► browser

`view` and `status` are what the page knows, `strip_map` and `panels` draw it as SVG and HTML, all
pure; `watcher` reads and draws once for everybody, `page` is NiceGUI, `server` the process.
"""
