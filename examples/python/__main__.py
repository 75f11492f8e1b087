"""A large language model inside its memory budget, rendered for the agent on this Mac."""

import pulumi
import pulumi_kubernetes as k8s
import pulumi_llmkube as llmkube

config = pulumi.Config()

# The agent reads what is rendered here; a provider with a kubeconfig in its place brings the model to a cluster.
manifests = k8s.Provider("manifests", render_yaml_to_directory="manifests", kubeconfig="")

model = llmkube.LlmModel(
    "gemma",
    source=config.get("source") or "hf://ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf",
    memory_budget=config.get("memoryBudget") or "768Mi",
    serving=llmkube.ServingArgs(
        context_size=4096,
        cache_type_k=llmkube.CacheType.Q8_0,
        cache_type_v=llmkube.CacheType.Q8_0,
    ),
    endpoint_host="127.0.0.1",
    opts=pulumi.ResourceOptions(providers=[manifests]),
)

# Base URL of the OpenAI-compatible API.
pulumi.export("endpoint", model.endpoint)
