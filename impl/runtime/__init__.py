"""What carries any protocol: effects, simulator, storage, the asyncio host, the RESP front; no protocol is named."""
