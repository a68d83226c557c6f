"""Our layers beside PyTorch Geometric's: both are given the same graph, the same states and the same weights."""

import torch
import torch.nn.functional as F
from torch import Tensor

from solutions.graphs.reference import gcn_layer, ggnn, graph_attention, message_pass, scatter_sum


def beside_geometric(senders: Tensor, receivers: Tensor, nodes: int) -> dict[str, float]:
    """The largest difference between our layers' outputs and PyTorch Geometric's, by layer, for weights that are drawn.

    Raises:
        ImportError: PyTorch Geometric is not installed.
    """
    from torch_geometric.nn import GATConv, GatedGraphConv, GCNConv, MessagePassing, global_add_pool

    class Same(MessagePassing):
        def forward(self, x: Tensor, ends: Tensor, e: Tensor) -> Tensor:
            return self.propagate(ends, x=x, edge_attr=e)

        def message(self, x_i: Tensor, x_j: Tensor, edge_attr: Tensor) -> Tensor:
            return F.linear(torch.cat([x_i, x_j, edge_attr], 1), W, b).relu()

    ends, x, e = torch.stack([senders, receivers]), torch.randn(nodes, 8), torch.randn(len(senders), 2)
    W, b, kinds, one = torch.randn(4, 18), torch.randn(4), torch.zeros_like(senders), senders.new_zeros(nodes)
    gcn, gat, gated = GCNConv(8, 4, bias=False), GATConv(8, 4, bias=False), GatedGraphConv(8, 3)
    looks = torch.cat([gat.att_dst.flatten(), gat.att_src.flatten()])
    h = x
    for once in gated.weight:  # a matrix for each round there, for each kind of edge here
        h = ggnn(h, senders, receivers, kinds, once.T[None], gated.rnn, 1)
    pairs = {
        "graph convolution": (gcn_layer(x, senders, receivers, gcn.lin.weight), gcn(x, ends)),
        "attention": (graph_attention(x, senders, receivers, gat.lin.weight, looks), gat(x, ends)),
        "gated, three rounds": (h, gated(x, ends)),
        "messages": (message_pass(x, senders, receivers, e, W, b), Same(aggr="add")(x, ends, e)),
        "readout": (scatter_sum(x, one, 1), global_add_pool(x, one, 1)),
    }
    return {name: (ours - theirs).abs().max().item() for name, (ours, theirs) in pairs.items()}
