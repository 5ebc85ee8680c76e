/* Asks before something is lost for good. What workflows still use is kept, and who they are is said. */
import { Button, Modal } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode, RefObject } from "react";
import { useTranslation } from "react-i18next";
import { useFocusBack } from "./focus";
import { InlineError } from "./Problem";
import classes from "./DeleteDialog.module.css";

interface Props {
  title: string;
  /** What goes with it. */
  children: ReactNode;
  /** Names what is deleted. */
  button: string;
  /** While there are some, nothing can be deleted. */
  users: ReadonlyArray<{ id: string; name: string }>;
  /** Says that they use it, and what to do about it. */
  used: string;
  busy: boolean;
  error: unknown;
  remove: () => void;
  close: () => void;
  /** Gets the focus afterwards, where what had it before is gone. */
  back?: RefObject<HTMLElement | null>;
}

export function DeleteDialog({ title, children, button, users, used, busy, error, remove, close, back }: Props) {
  const { t } = useTranslation();
  useFocusBack(back);
  const isUsed = users.length > 0;
  return (
    <Modal opened onClose={close} title={title} closeButtonProps={{ "aria-label": t("common.close") }}>
      {isUsed ? (
        <div role="alert">
          <p>{used}</p>
          <ul className={classes.users}>
            {users.map((user) => (
              <li key={user.id}>
                <Link to="/workflows/$id" params={{ id: user.id }} className="link">
                  {user.name}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ) : (
        children
      )}
      {!isUsed && error !== null && <InlineError error={error} />}
      <div className={classes.buttons}>
        <Button variant="default" onClick={close}>
          {t("common.keep")}
        </Button>
        <Button variant="default" className="danger" disabled={isUsed} loading={busy} onClick={remove}>
          {button}
        </Button>
      </div>
    </Modal>
  );
}
