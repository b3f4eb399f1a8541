// The widget manager of the pages: no kernel, and of the widgets only the controls of ipywidgets, which is all
// that explorers are made of. It is a quarter of the general manager, and needs no other script.
import * as base from "@jupyter-widgets/base";
import * as controls from "@jupyter-widgets/controls";
import { ManagerBase } from "@jupyter-widgets/base-manager";
import { Widget } from "@lumino/widgets";
import "@lumino/widgets/style/index.css";
import "@jupyter-widgets/controls/css/labvariables.css";
import "@jupyter-widgets/controls/css/widgets-base.css";

const MIME = "application/vnd.jupyter.widget";
const MODULES = { "@jupyter-widgets/base": base, "@jupyter-widgets/controls": controls };

class Manager extends ManagerBase {
  async loadClass(name, module) {
    return MODULES[module][name];
  }
  async _get_comm_info() {
    return {};
  }
  async _create_comm() {
    return { on_close() {}, on_msg() {}, close() {} };
  }
}

for (const state of document.querySelectorAll(`script[type="${MIME}-state+json"]`)) {
  const manager = new Manager();
  manager.set_state(JSON.parse(state.textContent)).then(() => {
    for (const place of document.querySelectorAll(`script[type="${MIME}-view+json"]`)) {
      const area = Object.assign(document.createElement("div"), { className: "widget-subarea" });
      place.before(area);
      manager
        .get_model(JSON.parse(place.textContent).model_id)
        .then((model) => manager.create_view(model))
        .then((view) => Widget.attach(view.luminoWidget, area));
    }
  });
}
