"""The workers of the order process, with Conductor's own Python SDK.

`python workers.py http://127.0.0.1:8080` runs them until they are told to stop.
"""

import contextlib
import os
import signal
import sys
import time
from typing import Any

from conductor.client.automator.task_handler import TaskHandler
from conductor.client.configuration.configuration import Configuration
from conductor.client.context.task_context import get_task_context
from conductor.client.worker.worker_task import worker_task

POLL = {"poll_interval_millis": 50, "poll_timeout": 1000}
SILENCE_S = 4  # longer than the response timeout of authorize_card


@worker_task(task_definition_name="check_order", **POLL)
def check_order(items: list[dict]) -> dict[str, Any]:
    if not items:
        raise ValueError("the order has no items")
    return {"item_count": len(items), "total": sum(item["quantity"] * item["price"] for item in items)}


@worker_task(task_definition_name="reserve_item", **POLL)
def reserve_item(items: list[dict], number: int) -> dict[str, Any]:
    item = items[number - 1]
    if item["sku"] == "mug" and get_task_context().get_retry_count() == 0:
        raise RuntimeError("the warehouse did not answer")
    return {"reservation": f"{item['quantity']} x {item['sku']}"}


@worker_task(task_definition_name="authorize_card", thread_count=2, **POLL)
def authorize_card(card: str, amount: float) -> dict[str, Any]:
    if get_task_context().get_retry_count() == 0:
        time.sleep(SILENCE_S)  # the task times out meanwhile, and what this attempt reports is too late
    return {"authorization": f"auth-{card}-{amount:.2f}"}


@worker_task(task_definition_name="capture_payment", **POLL)
def capture_payment(order_id: str, authorization: str, amount: float) -> dict[str, Any]:
    return {"payment_id": f"pay-{order_id}", "amount": amount, "authorization": authorization}


@worker_task(task_definition_name="book_shipment", **POLL)
def book_shipment(carrier: str, price: float) -> dict[str, Any]:
    return {"tracking": f"{carrier} 0815", "price": price}


@worker_task(task_definition_name="confirm_order", **POLL)
def confirm_order(order_id: str, email: str, total: float, payment_id: str) -> dict[str, Any]:
    return {"message": f"Dear {email}, order {order_id} over {total:.2f} is paid ({payment_id}) and on its way."}


def main() -> None:
    # The SDK can give each worker a process of its own ("process"); six small ones are at work sooner in one.
    os.environ.setdefault("CONDUCTOR_WORKER_ISOLATION", "thread")
    configuration = Configuration(server_api_url=f"{sys.argv[1]}/api", log_level="CRITICAL")
    with TaskHandler(configuration=configuration) as handler:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        with contextlib.suppress(KeyboardInterrupt, SystemExit):
            handler.start_processes()
            handler.join_processes()
    os._exit(0)  # threads that poll would hold the process


if __name__ == "__main__":
    main()
