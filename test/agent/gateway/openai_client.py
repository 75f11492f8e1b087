"""What OpenAI's own package for Python gets from a gateway, as one JSON object on standard output."""

import json
import os
import sys

import openai

base_url = sys.argv[1]
key = os.environ["GATEWAY_KEY"]
client = openai.OpenAI(base_url=base_url, api_key=key, max_retries=0, timeout=120)
hello = [{"role": "user", "content": "Hello"}]


def chat(of=client, model="gemma", **more):
    return of.chat.completions.create(model=model, messages=hello, max_tokens=3, **more)


def fault(call):
    try:
        call()
    except openai.OpenAIError as error:
        return {
            "class": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": getattr(error, "code", None),
        }
    return None


def streamed():
    chunks = list(chat(stream=True, stream_options={"include_usage": True}))
    words = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    return {"text": "".join(words), "tokens": chunks[-1].usage.completion_tokens}


def aborted():
    stream = client.chat.completions.create(model="gemma", messages=hello, max_tokens=2000, stream=True)
    next(iter(stream))
    stream.close()
    return True


wrong = openai.OpenAI(base_url=base_url, api_key="sk-this-is-no-key-of-it", max_retries=0)
print(
    json.dumps(
        {
            "chat": chat().choices[0].message.content,
            "stream": streamed(),
            "abort": aborted(),
            "completion": client.completions.create(model="gemma", prompt="The capital", max_tokens=3).choices[0].text,
            "embedding": len(client.embeddings.create(model="vectors", input="Hello").data[0].embedding),
            "models": [model.id for model in client.models.list()],
            "faults": {
                "key": fault(lambda: chat(wrong)),
                "name": fault(lambda: chat(model="gema")),
                "body": fault(lambda: client.chat.completions.create(model="gemma", messages="no list")),
                "later": fault(lambda: chat(model="later")),
                "never": fault(lambda: chat(model="never")),
                "slow": fault(lambda: chat(client.with_options(timeout=1), model="slow")),
                "rate": fault(lambda: chat(openai.OpenAI(base_url=base_url, api_key=os.environ["USED_UP_KEY"], max_retries=0))),
            },
        }
    )
)
