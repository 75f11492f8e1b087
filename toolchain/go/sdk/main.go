// Generates the SDK of a package for one language from its schema, with Pulumi's own generators.
//
// `pulumi package gen-sdk` asks the language host for this, and the official hosts call these same functions.
//
//	generate-sdk SCHEMA.json go|python FOLDER
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/blang/semver"
	gogen "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

const tool = "pulumi"

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: generate-sdk SCHEMA.json go|python FOLDER")
		os.Exit(2)
	}
	if err := generate(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func generate(schemaPath, language, folder string) error {
	pkg, err := read(schemaPath)
	if err != nil {
		return fmt.Errorf("the schema %s is not valid: %w", schemaPath, err)
	}
	files, err := filesOf(pkg, language)
	if err != nil {
		return fmt.Errorf("no SDK for %s: %w", language, err)
	}
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func read(path string) (*schema.Package, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	pkg, diagnostics, err := schema.BindSpec(spec, alone{}, schema.ValidationOptions{AllowDanglingReferences: false})
	if err != nil {
		return nil, err
	}
	if diagnostics.HasErrors() {
		return nil, diagnostics
	}
	return pkg, nil
}

func filesOf(pkg *schema.Package, language string) (map[string][]byte, error) {
	switch language {
	case "go":
		return gogen.GeneratePackage(tool, pkg, nil)
	case "python":
		return python.GeneratePackage(tool, pkg, nil, alone{})
	}
	return nil, errors.New("it must be go or python")
}

// alone is the loader of a schema that refers to no other package.
type alone struct{}

var errAlone = errors.New("the schema refers to another package")

func (alone) LoadPackage(string, *semver.Version) (*schema.Package, error) {
	return nil, errAlone
}

func (alone) LoadPackageV2(context.Context, *schema.PackageDescriptor) (*schema.Package, error) {
	return nil, errAlone
}

func (alone) LoadPackageReference(string, *semver.Version) (schema.PackageReference, error) {
	return nil, errAlone
}

func (alone) LoadPackageReferenceV2(context.Context, *schema.PackageDescriptor) (schema.PackageReference, error) {
	return nil, errAlone
}
