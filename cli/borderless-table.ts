import Table from "cli-table3";

const EDGES = ["top", "bottom", "left", "right", "mid"];
const LINES = EDGES.flatMap((edge) => [edge, `${edge}-mid`, `${edge}-left`, `${edge}-right`]);

/** Columns without lines between them. */
export function borderlessTable(
  options: Table.TableConstructorOptions & { readonly indent?: number } = {},
): Table.Table {
  const { indent = 0, ...rest } = options;
  return new Table({
    chars: Object.fromEntries([...LINES, "middle"].map((line) => [line, ""])),
    style: { "padding-left": indent, "padding-right": indent > 0 ? 0 : 2, head: [], border: [] },
    ...rest,
  });
}

/** As text, without the spaces that cells end in. */
export function printed(table: Table.Table): string {
  const lines = table.toString().split("\n");
  return lines.map((line) => line.trimEnd()).join("\n");
}
