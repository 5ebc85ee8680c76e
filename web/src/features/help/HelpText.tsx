import { Button, CopyButton, SegmentedControl } from "@mantine/core";
import { useRouter } from "@tanstack/react-router";
import { Check, Copy } from "lucide-react";
import { type ReactNode, useState } from "react";
import { useTranslation } from "react-i18next";
import { type Block, blocks, type Code, type Inline } from "./markdown";
import classes from "./Help.module.css";

/** A page of help as it reads. */
export function HelpText({ text }: { text: string }) {
  return (
    <>
      {blocks(text).map((block, at) => (
        <BlockOf key={at} block={block} />
      ))}
    </>
  );
}

function BlockOf({ block }: { block: Block }) {
  switch (block.is) {
    case "heading": {
      // The screen's own title is the first level.
      const Tag = `h${block.level + 1}` as "h2" | "h3" | "h4";
      return (
        <Tag id={block.anchor} tabIndex={-1}>
          {words(block.inside)}
        </Tag>
      );
    }
    case "paragraph":
      return <p>{words(block.inside)}</p>;
    case "list": {
      const items = block.items.map((item, at) => <li key={at}>{words(item)}</li>);
      return block.ordered ? <ol>{items}</ol> : <ul>{items}</ul>;
    }
    case "table":
      return (
        <div className={classes.wide}>
          <table>
            <thead>
              <tr>
                {block.head.map((cell, at) => (
                  <th key={at} scope="col">
                    {words(cell)}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {block.rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, index) => (
                    <td key={index}>{words(cell)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      );
    case "code":
      return <Codes codes={block.codes} />;
  }
}

function words(list: Inline[]): ReactNode {
  return list.map((one, at) => {
    switch (one.is) {
      case "text":
        return one.text;
      case "code":
        return (
          <code key={at} translate="no">
            {one.text}
          </code>
        );
      case "strong":
        return <strong key={at}>{words(one.inside)}</strong>;
      case "em":
        return <em key={at}>{words(one.inside)}</em>;
      case "link":
        return (
          <HelpLink key={at} href={one.href}>
            {words(one.inside)}
          </HelpLink>
        );
    }
  });
}

/** Screens open in place; files and other sites in a tab of their own. */
function HelpLink({ href, children }: { href: string; children: ReactNode }) {
  const router = useRouter();
  if (!href.startsWith("/") || href.includes(".")) {
    return (
      <a className="link" href={href} target="_blank" rel="noreferrer">
        {children}
      </a>
    );
  }
  return (
    <a
      className="link"
      href={href}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
        event.preventDefault();
        void router.navigate({ href });
      }}
    >
      {children}
    </a>
  );
}

const names: Record<string, string> = { python: "Python", node: "Node.js", php: "PHP" };

function Codes({ codes }: { codes: Code[] }) {
  const { t } = useTranslation();
  const [at, setAt] = useState("0");
  const code = codes[Number(at)] ?? codes[0];
  if (code === undefined) return null;
  return (
    <figure className={classes.code}>
      <figcaption>
        {codes.length > 1 && (
          <SegmentedControl
            aria-label={t("help.language")}
            value={at}
            onChange={setAt}
            data={codes.map((one, index) => ({ value: String(index), label: names[one.language] ?? one.language }))}
          />
        )}
        <span className={classes.space} />
        <CopyButton value={code.text}>
          {({ copied, copy }) => (
            <Button size="xs" variant="subtle" color="gray" leftSection={copied ? <Check size={14} /> : <Copy size={14} />} onClick={copy}>
              {copied ? t("common.copied") : t("common.copy")}
            </Button>
          )}
        </CopyButton>
      </figcaption>
      <pre tabIndex={0} translate="no">
        <code>{code.text}</code>
      </pre>
    </figure>
  );
}
