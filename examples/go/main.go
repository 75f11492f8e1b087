// A large language model inside its memory budget, rendered for the agent on this Mac.
package main

import (
	"github.com/pulumi-llmkube/pulumi-llmkube/sdk/go/llmkube"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"
)

func main() {
	pulumi.Run(func(ctx *pulumi.Context) error {
		settings := config.New(ctx, "")

		// The agent reads what is rendered here; a provider with a kubeconfig in its place brings the model to a cluster.
		manifests, err := kubernetes.NewProvider(ctx, "manifests", &kubernetes.ProviderArgs{
			RenderYamlToDirectory: pulumi.String("manifests"),
			Kubeconfig:            pulumi.String(""),
		})
		if err != nil {
			return err
		}

		model, err := llmkube.NewLlmModel(ctx, "gemma", &llmkube.LlmModelArgs{
			Source:       pulumi.String(either(settings.Get("source"), "hf://ggml-org/gemma-3-270m-it-GGUF/gemma-3-270m-it-Q8_0.gguf")),
			MemoryBudget: pulumi.String(either(settings.Get("memoryBudget"), "768Mi")),
			Serving: &llmkube.ServingArgs{
				ContextSize: pulumi.Int(4096),
				CacheTypeK:  llmkube.CacheType_Q8_0,
				CacheTypeV:  llmkube.CacheType_Q8_0,
			},
			EndpointHost: pulumi.String("127.0.0.1"),
		}, pulumi.Providers(manifests))
		if err != nil {
			return err
		}

		// Base URL of the OpenAI-compatible API.
		ctx.Export("endpoint", model.Endpoint)
		return nil
	})
}

func either(given, otherwise string) string {
	if given == "" {
		return otherwise
	}
	return given
}
