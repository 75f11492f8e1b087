/** In the module whose address ends like this, without `.ts` or `.js`, one text stands for another. */
export interface ReplacedText {
  readonly module: string;
  readonly from: string;
  readonly to: string;
}

/** `NODE_OPTIONS` for an agent some of whose facts are made up: its modules are its own but for these texts. */
export function withReplaced(texts: readonly ReplacedText[]): { readonly NODE_OPTIONS: string } {
  const code = `
    import { registerHooks } from "node:module";
    const texts = ${JSON.stringify(texts)};
    registerHooks({
      load: (url, context, next) => {
        const loaded = next(url, context);
        const here = texts.filter(({ module }) => url.replace(/[.][jt]s$/, "").endsWith(module));
        if (here.length === 0) return loaded;
        let source = String(loaded.source);
        for (const { from, to } of here) {
          if (!source.includes(from)) throw new Error(url + " holds no " + from);
          source = source.replace(from, to);
        }
        return { ...loaded, source };
      },
    });`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}
