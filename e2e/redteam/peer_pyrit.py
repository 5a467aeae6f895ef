"""PyRIT sends prompts to an OpenAI-compatible target: argv[1] its base URL, argv[2] how many. Prints seconds as JSON."""

import asyncio
import json
import sys
import time


async def main():
    from pyrit.executor.attack import PromptSendingAttack
    from pyrit.prompt_target import OpenAIChatTarget
    from pyrit.setup import IN_MEMORY, initialize_pyrit_async

    await initialize_pyrit_async(memory_db_type=IN_MEMORY)
    target = OpenAIChatTarget(endpoint=sys.argv[1], api_key="x", model_name="mock-fixed")
    attack = PromptSendingAttack(objective_target=target)
    n = int(sys.argv[2])
    began = time.monotonic()
    for i in range(n):
        await attack.execute_async(objective=f"prompt {i}")
    print(json.dumps({"seconds": time.monotonic() - began}))


asyncio.run(main())
